package main

import (
	"context"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/adaptor"
	recoverer "github.com/gofiber/fiber/v3/middleware/recover"
)

func serveFiber(ctx context.Context, listener net.Listener, e endpoints) error {
	app := fiber.New()
	app.Use(recoverer.New()) // a panic in a handler would end the process
	// Before "/:x", which would have /health as well.
	health := adaptor.HTTPHandler(inContext(ctx, e.Handler()))
	app.All("/health", health)
	app.All("/health/*", health)
	app.Get("/", func(c fiber.Ctx) error { return c.SendString("home") })
	app.Get("/:x", func(c fiber.Ctx) error { return c.SendString("item " + strconv.Quote(c.Params("x"))) })
	return app.Listener(listener, fiber.ListenConfig{
		GracefulContext:       ctx,
		ShutdownTimeout:       10 * time.Second,
		DisableStartupMessage: true,
	})
}

// inContext gives h's requests what outlives them: a context of the application and headers of their own. Theirs are
// fasthttp's, emptied for the next request while an event stream or what was asked of a database may not have ended yet.
func inContext(ctx context.Context, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, values := range r.Header {
			for i, value := range values {
				values[i] = strings.Clone(value)
			}
		}
		h.ServeHTTP(w, r.WithContext(ctx))
	})
}
