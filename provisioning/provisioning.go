// Package provisioning is the engine's language: the domain's words (people, accounts, mismatches, changes, batches) and its
// ports (directories, the document system, the store, the clock). It knows no HTTP, no SQL and no terminal; everything else
// in the engine is written in these words, and every client and store implements these ports.
//
// Strings in these types are raw: exactly the bytes the source system gave. A view cleans them with names.Clean.
package provisioning
