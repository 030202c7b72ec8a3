// Package spool keeps OTLP metric requests on disk while the Collector is away, and sends them when it answers again.
//
// A [Spool] is a folder with one file for each request, in the order of their numbers. Nothing else says what is in it:
// no index and no ledger can contradict the files, a damaged one spoils no other, and taking one out needs no room on the
// disk. A request's file is written under another name, synced and then renamed, and its folder is synced, before the
// request counts as kept: neither SIGKILL nor a loss of power loses it. That a request was taken out is not synced. After
// a loss of power, or a SIGKILL between the Collector's answer and taking it out, it is sent once more, with the same
// points. On Windows no folder is synced, only the file: there a loss of power may cost the last requests.
//
// A [Forwarder] stands in the export's way as an interceptor of its gRPC client. While all is well it writes nothing.
package spool
