package faults

import (
	"bytes"
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// gate stands between the client and toxiproxy, and knows which request is on its way: it hands bytes on, and at one request switches a
// fault on. It is off again for the next request; what was delayed in another connection still arrives.
type gate struct {
	t        *testing.T
	listener net.Listener
	proxy    *toxiproxy.Proxy // until the fault happened
	after    *toxiproxy.Proxy // for the connections that begin later
	fault    fault
	at       int
	running  sync.WaitGroup

	mu    sync.Mutex
	seen  int      // requests
	on    bool     // the fault
	hit   net.Conn // the connection that it happened to; nil: it did not yet
	conns map[net.Conn]bool
}

// open puts a gate with a proxy of its own before a server.
func open(t *testing.T, upstream string, f fault, at int) *gate {
	t.Helper()
	api := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	proxy := func(name string) *toxiproxy.Proxy {
		p := toxiproxy.NewProxy(api, name, "127.0.0.1:0", upstream)
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		return p
	}
	g := &gate{t: t, fault: f, at: at, conns: make(map[net.Conn]bool), proxy: proxy("faulty"), after: proxy("clean")}
	var config net.ListenConfig
	var err error
	if g.listener, err = config.Listen(context.Background(), "tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	g.running.Go(g.accept)
	return g
}

func (g *gate) url() string { return "http://" + g.listener.Addr().String() }

// close ends the gate and waits for everything in it.
func (g *gate) close() {
	g.listener.Close()
	g.mu.Lock()
	for c := range g.conns {
		c.Close()
	}
	g.mu.Unlock()
	g.proxy.Stop()
	g.after.Stop()
	g.running.Wait()
}

func (g *gate) accept() {
	for {
		client, err := g.listener.Accept()
		if err != nil {
			return
		}
		g.running.Go(func() { g.serve(client) })
	}
}

// serve hands one connection on, both ways, until one of them ends.
func (g *gate) serve(client net.Conn) {
	defer client.Close()
	var server net.Conn
	answered := make(chan struct{})
	buffer := make([]byte, 64<<10)
	for {
		n, err := client.Read(buffer)
		if n > 0 && begins(buffer[:n]) {
			g.request(client)
		}
		if server == nil && n > 0 { // once the fault is on: a connection that begins with it has it from its first byte
			if server, err = net.Dial("tcp", g.way()); err != nil {
				return
			}
			defer server.Close()
			g.mu.Lock()
			g.conns[client], g.conns[server] = true, true
			g.mu.Unlock()
			g.running.Go(func() {
				defer close(answered)
				g.answer(client, server)
			})
		}
		if server == nil {
			return
		}
		if n > 0 {
			if _, err := server.Write(buffer[:n]); err != nil {
				return
			}
			if g.active() && g.fault.halfUp {
				_ = server.(*net.TCPConn).CloseWrite()
			}
			if g.active() && g.fault.halfDown {
				_ = client.(*net.TCPConn).CloseWrite()
			}
		}
		if err != nil {
			break
		}
	}
	_ = server.(*net.TCPConn).CloseWrite()
	<-answered
}

// answer hands the server's bytes back. Where the connection ends under a fault that resets, the client is reset and not bidden farewell.
func (g *gate) answer(client, server net.Conn) {
	_, _ = io.Copy(client, server)
	if g.active() && g.fault.reset {
		_ = client.(*net.TCPConn).SetLinger(0)
	}
	client.Close()
	server.Close()
	g.mu.Lock()
	delete(g.conns, client)
	delete(g.conns, server)
	g.mu.Unlock()
}

func (g *gate) active() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.on
}

// way is the proxy that a new connection goes through.
func (g *gate) way() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.hit != nil && !g.on {
		return g.after.Listen
	}
	return g.proxy.Listen
}

// request counts a request of a connection, before its first byte goes on, and switches the fault on or off.
func (g *gate) request(client net.Conn) {
	g.mu.Lock()
	g.seen++
	begin, again := g.seen == g.at, g.on && g.hit == client
	g.on = begin
	if begin {
		g.hit = client
	}
	g.mu.Unlock()
	switch {
	case again && g.fault.toxic != "": // the same connection goes on
		if err := g.proxy.Toxics.RemoveToxic(context.Background(), "fault"); err != nil {
			g.t.Error(err)
		}
	case begin && g.fault.toxic != "":
		if _, err := g.proxy.Toxics.AddToxicJson(strings.NewReader(`{"name":"fault",` + g.fault.toxic + `}`)); err != nil {
			g.t.Error(err)
		}
	case begin && g.fault.act != nil:
		g.fault.act()
	}
}

func (g *gate) count() (requests int, fired bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.seen, g.hit != nil
}

// begins reports whether bytes of a client are the beginning of a request: it sends none before the last one was answered or given up.
func begins(b []byte) bool {
	for _, method := range []string{"GET /", "POST /", "PUT /", "PATCH /", "DELETE /"} {
		if bytes.HasPrefix(b, []byte(method)) {
			return true
		}
	}
	return false
}
