// Package transport sends the HTTP requests of every partner: one client a connection, with its rate limit, its
// Retry-After gate, its timeouts and its bounds, and one judgement on HTTP statuses.
//
// It does not retry. Repeating is the engine's business, which knows the job's budget; here each call is one request.
// The rate limit spaces requests evenly instead of letting bursts through: partners count by their own windows, and an
// even pace fits into all of them.
package transport
