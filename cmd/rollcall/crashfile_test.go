package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/charmbracelet/x/term"

	"rollcall/clients/demofirm"
	"rollcall/clients/wire/wiretest"
)

// crashed is what a test's process says as it falls: what nobody should read.
const crashed = "crash-canary-0b9f\n\tgoroutine crash-canary-0b9f\nfatal error: crash-canary-0b9f"

// The test's own binary is the program that falls, where the environment says how: the program itself has no way to be told to.
var _ = func() bool {
	how, state := os.Getenv("ROLLCALL_TEST_FALL"), os.Getenv("ROLLCALL_TEST_STATE")
	if how == "" {
		return false
	}
	private()
	os.Exit(fall(how, state))
	return true
}()

func fall(how, state string) (code int) {
	var crash crashes
	var errOut io.Writer = os.Stderr
	defer func() {
		if value := recover(); value != nil {
			code = crash.caught(value, errOut)
		}
	}()
	if how != "alone" {
		kept, err := crash.begin(os.Getenv("ROLLCALL_TEST_PROGRAM"), state, false)
		if err != nil {
			panic(err)
		}
		errOut = kept
	}
	switch how {
	case "elsewhere":
		go func() { panic(errors.New(crashed)) }()
		select {}
	case "out of range":
		list := make([]int, len(state)%2)
		return list[len(state)]
	case "never":
		return exitDone
	default:
		panic(crashed)
	}
}

// crashFiles gives the text of each crash file of a folder, and holds its mode.
func crashFiles(t *testing.T, state string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(state, "crash-*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v", file, info.Mode())
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(data))
	}
	return texts
}

// TestCrashFile: a panic, in whatever goroutine, ends in a file that says where it happened and not what was said; so does the error
// output, which tells where the file lies. Without a crash there is no file.
func TestCrashFile(t *testing.T) {
	for how, c := range map[string]struct {
		files, code int
		want        string
	}{
		"here":         {1, exitFailed, "panic: [a message of "},
		"elsewhere":    {1, 2, "panic: [a message of "}, // Go's own exit code: only its runtime sees it
		"out of range": {1, exitFailed, "panic: runtime error: index out of range ["},
		"alone":        {0, exitFailed, ""},
		"never":        {0, exitDone, ""},
	} {
		t.Run(how, func(t *testing.T) {
			state := filepath.Join(t.TempDir(), "state")
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), "ROLLCALL_TEST_FALL="+how, "ROLLCALL_TEST_STATE="+state, "ROLLCALL_TEST_PROGRAM="+binary, "GOTRACEBACK=all")
			var out bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &out
			err := cmd.Run()
			var exit *exec.ExitError
			if err != nil && !errors.As(err, &exit) {
				t.Fatal(err)
			}
			if code := cmd.ProcessState.ExitCode(); code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
			texts := crashFiles(t, state)
			if len(texts) != c.files {
				t.Fatalf("%d crash files, want %d: %s", len(texts), c.files, out.String())
			}
			for _, text := range append(texts, out.String()) {
				if strings.Contains(text, "canary") {
					t.Errorf("what was said is repeated:\n%s", text)
				}
			}
			if how == "alone" && !strings.Contains(out.String(), "rollcall.fall(...)") {
				t.Errorf("nothing is said of where it happened:\n%s", out.String())
			}
			for _, text := range texts {
				for _, want := range []string{c.want, "rollcall.fall", "crashfile_test.go:", "goroutine "} {
					if !strings.Contains(text, want) {
						t.Errorf("%q is not there:\n%s", want, text)
					}
				}
				said := strings.TrimSpace(out.String())
				if strings.Count(said, "\n") != 0 || !strings.Contains(said, filepath.Join(state, "crash-")) {
					t.Errorf("the error output is not one sentence with the file's name:\n%s", said)
				}
			}
		})
	}
}

// TestCrashRedacted: of what Go says, only places, and words and numbers of Go's own, are kept.
func TestCrashRedacted(t *testing.T) {
	const canary = "s3cr3t"
	for said, want := range map[string]string{
		"panic: " + canary + "\n\ngoroutine 7 [running]:\n":                                                                  "panic: [a message of 6 bytes was left out]\n\ngoroutine 7 [running]:\n",
		"panic: runtime error: index out of range [5] with length 3 [recovered, repanicked]\n":                               "panic: runtime error: index out of range [5] with length 3\n",
		"panic: runtime error: " + canary + "\n":                                                                             "panic: [a message of 21 bytes was left out]\n",
		"fatal error: all goroutines are asleep - deadlock!\n":                                                               "fatal error: all goroutines are asleep - deadlock!\n",
		"SIGQUIT: quit\nPC=0x47a3c1 m=0 sigcode=0\nrax    0x733363723374\n":                                                  "SIGQUIT: quit\n[2 lines were left out]\n",
		"rollcall/clients/okta.(*Client).read(0xc000, {0x733363723374, 0x6}, ...)\n\t/src/clients/okta/read.go:169 +0x1d4\n": "rollcall/clients/okta.(*Client).read(...)\n\t/src/clients/okta/read.go:169\n",
		"golang.org/x/sync/errgroup.(*Group).Go.func1()\n":                                                                   "golang.org/x/sync/errgroup.(*Group).Go.func1(...)\n",
		"created by golang.org/x/sync/errgroup.(*Group).Go in goroutine 1\n":                                                 "created by golang.org/x/sync/errgroup.(*Group).Go in goroutine 1\n",
		"goroutine 9 gp=0xc000 m=nil [select, 3 minutes]:\n":                                                                 "goroutine 9 gp=0xc000 m=nil [select, 3 minutes]:\n",
		"[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x4a]\n":                                               "[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x4a]\n",
		"panic: x\n\t" + canary + "\n\tpanic: " + canary + "\n" + canary + "(" + canary + ")":                                "panic: [a message of 1 bytes was left out]\n[1 lines were left out]\npanic: [a message of 6 bytes was left out]\n[1 lines were left out]\n",
	} {
		if got := redactCrash(said); got != want {
			t.Errorf("%q\n is %q\nwant %q", said, got, want)
		}
	}
}

// TestCrashOfTheProgram: the program itself, brought down by a signal in the middle of a read, and in the console: the file, the one
// sentence, the terminal as it was; and the limits by which no core is written.
func TestCrashOfTheProgram(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // there is no such signal
	}
	running, err := demofirm.Serve(context.Background(), demofirm.Generate(demofirm.Options{Seed: 7, People: 60, Epoch: time.Now()}), demofirm.ServeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer running.Close()
	connections := filepath.Join(t.TempDir(), "sim.json")
	if err := os.WriteFile(connections, mustJSON(running.Connections()), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Run("command", func(t *testing.T) {
		state := filepath.Join(t.TempDir(), "state")
		running.Okta.Bench().Inject(wiretest.Fault{Kind: wiretest.Hang})
		defer running.Okta.Bench().Clear()
		before := len(running.Okta.Bench().Log())
		cmd := exec.Command(binary, "sync", "--connections", connections, "--state", state)
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for range 1000 { // until it is in the middle of its read
			if len(running.Imanage.Bench().Log()) > 20 || len(running.Okta.Bench().Log()) > before {
				break
			}
			<-time.After(5 * time.Millisecond)
		}
		coreIsOff(t, cmd.Process.Pid)
		if err := cmd.Process.Signal(syscall.SIGQUIT); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		texts := crashFiles(t, state)
		if len(texts) != 1 || !strings.Contains(texts[0], "SIGQUIT: quit") || !strings.Contains(texts[0], "rollcall/") || !strings.Contains(texts[0], "goroutine 1 ") {
			t.Errorf("%s", strings.Join(texts, ""))
		}
		if said := strings.TrimSpace(out.String()); strings.Count(said, "\n") != 0 || !strings.Contains(said, filepath.Join(state, "crash-")) {
			t.Errorf("the error output is not one sentence with the file's name:\n%s", said)
		}
	})
	t.Run("console", func(t *testing.T) {
		state := filepath.Join(t.TempDir(), "state")
		console := start(t, 100, 30, "--connections", connections, "--state", state)
		console.wait("Leavers")
		if err := console.cmd.Process.Signal(syscall.SIGQUIT); err != nil {
			t.Fatal(err)
		}
		_ = console.cmd.Wait()
		screen := console.wait("rollcall stopped by a fault of its own")
		if strings.Contains(screen, "goroutine") || strings.Contains(screen, "Leavers") {
			t.Errorf("the screen is not what it was:\n%s", screen)
		}
		if texts := crashFiles(t, state); len(texts) != 1 || !strings.Contains(texts[0], "bubbletea") {
			t.Errorf("%q", texts)
		}
		after, err := term.GetState(console.file.Fd())
		if err != nil {
			t.Fatal(err)
		}
		const cooked = 0o13 // Linux: ISIG, ICANON, ECHO
		if local := reflect.ValueOf(*after).FieldByName("Lflag"); runtime.GOOS == "linux" && local.Uint()&cooked != cooked {
			t.Errorf("the terminal is left raw: %o", local.Uint())
		}
	})
}

// coreIsOff holds the limit on core dumps of a process.
func coreIsOff(t *testing.T, pid int) {
	t.Helper()
	if runtime.GOOS != "linux" {
		return
	}
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, "Max core file size"); ok {
			if f := strings.Fields(rest); f[0] != "0" || f[1] != "0" {
				t.Errorf("a core may be written: %s", line)
			}
			return
		}
	}
	t.Error("the limit was not found")
}
