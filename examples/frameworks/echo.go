package main

import (
	"context"
	"net"
	"net/http"

	"github.com/labstack/echo/v5"
	"github.com/labstack/echo/v5/middleware"
)

func serveEcho(ctx context.Context, listener net.Listener, e endpoints) error {
	router := echo.New()
	router.Use(middleware.Recover())
	router.Any("/health", echo.WrapHandler(e.Handler()))
	router.Any("/health/*", echo.WrapHandler(e.Handler()))
	router.GET("/", echo.WrapHandler(http.HandlerFunc(home)))
	router.GET("/:x", echo.WrapHandler(http.HandlerFunc(item)))
	return serveHTTP(ctx, listener, router)
}
