package imanage_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"rollcall/clients/imanage"
	"rollcall/clients/wire"
	"rollcall/provisioning"
)

func BenchmarkProbe(b *testing.B) {
	url := apart(b)
	for i := range 3 {
		var sb strings.Builder
		c, _ := imanage.New(imanage.Options{
			Name: "imanage", URL: url, Username: "svc", Password: provisioning.NewSecret("pw"), ClientID: "app", ClientSecret: provisioning.NewSecret("secret"),
			AllowLoopbackHTTP: true, Concurrency: 8, Trace: wire.NewTrace(&sb, time.Now),
		})
		begin := time.Now()
		c.ReadAll(context.Background(), nil)
		fmt.Println("took", time.Since(begin))
		os.WriteFile(fmt.Sprintf("/tmp/trace%d", i), []byte(sb.String()), 0o644)
	}
}
