package main

import (
	"context"
	"net"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/adaptor"
	recoverer "github.com/gofiber/fiber/v3/middleware/recover"
)

func serveFiber(ctx context.Context, listener net.Listener, e endpoints) error {
	app := fiber.New()
	app.Use(recoverer.New()) // a panic in a handler would end the process
	// Before "/:x", which would have /health as well.
	app.All("/health", adaptor.HTTPHandler(e.Handler()))
	app.All("/health/*", adaptor.HTTPHandler(e.Handler()))
	app.Get("/", func(c fiber.Ctx) error { return c.SendString("home") })
	app.Get("/:x", func(c fiber.Ctx) error { return c.SendString("item " + strconv.Quote(c.Params("x"))) })
	return app.Listener(listener, fiber.ListenConfig{
		GracefulContext:       ctx,
		ShutdownTimeout:       10 * time.Second,
		DisableStartupMessage: true,
	})
}
