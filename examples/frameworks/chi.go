package main

import (
	"context"
	"net"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
)

func serveChi(ctx context.Context, listener net.Listener, e endpoints) error {
	router := chi.NewRouter()
	router.Use(middleware.Recoverer)
	router.Handle("/health", e.Handler())
	router.Handle("/health/*", e.Handler())
	router.Get("/", home)
	router.Get("/{x}", item)
	return serveHTTP(ctx, listener, router)
}
