package notify_test

import (
	"io"
	"log"
	"runtime"
	"strings"
	"testing"
	"time"
)

func quietLog() *log.Logger { return log.New(io.Discard, "", 0) }

// settled fails where a goroutine of ours or of the libraries under us outlives what started it.
func settled(t *testing.T) {
	t.Helper()
	var left string
	for end := time.Now().Add(3 * time.Second); time.Now().Before(end); runtime.Gosched() {
		left = ""
		all := make([]byte, 1<<20)
		for _, g := range strings.Split(string(all[:runtime.Stack(all, true)]), "\n\n") {
			if (strings.Contains(g, "rollcall/clients/notify.") || strings.Contains(g, "wneessen/go-mail")) && !strings.Contains(g, "testing.tRunner") {
				left += g + "\n\n"
			}
		}
		if left == "" {
			return
		}
	}
	t.Errorf("left running:\n%s", left)
}
