package main

import (
	"context"
	"net"
	"net/http"

	"github.com/gin-gonic/gin"
)

func serveGin(ctx context.Context, listener net.Listener, e endpoints) error {
	gin.SetMode(gin.ReleaseMode)
	router := gin.New()
	// Before the middleware: gin.Recovery would end an answer that the history breaks off as if it were whole.
	router.Any("/health", gin.WrapH(e.Handler()))
	router.Any("/health/*path", gin.WrapH(e.Handler()))

	router.Use(gin.Recovery())
	router.GET("/", func(c *gin.Context) { c.String(http.StatusOK, "home") })
	router.GET("/:x", func(c *gin.Context) { c.String(http.StatusOK, "item %q", c.Param("x")) })
	return serveHTTP(ctx, listener, router)
}
