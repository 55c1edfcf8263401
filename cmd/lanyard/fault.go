package main

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"time"

	"github.com/lanyard/lanyard/internal/fault"
	"github.com/lanyard/lanyard/internal/laxjson"
)

type faultCmd struct {
	Set   faultSetCmd   `cmd:"" help:"Make an operation fail or respond slowly."`
	List  faultListCmd  `cmd:"" help:"List the faults that are set."`
	Clear faultClearCmd `cmd:"" help:"Remove faults."`
}

func (faultCmd) Help() string {
	return `Inject faults to test how a client retries. They last until they are cleared or the server stops.

Examples:
  lanyard fault set --operation UpdateSecurityProfile --exception InternalServiceException --rate 0.2
  lanyard fault set --operation '*' --latency 300ms
  lanyard fault set --operation CreateUser --exception ThrottlingException --count 10
  lanyard fault list
  lanyard fault clear --operation CreateUser`
}

// connectRunning connects to the server, which alone holds the faults.
func (d dataFlag) connectRunning(io streams) (*remote, error) {
	r, err := d.connectServer(io.ctx)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		return nil, refuse("no server runs on the data folder %s; use --data for another", d.Data)
	}
	return r, err
}

type faultSetCmd struct {
	dataFlag  `embed:""`
	Operation string        `help:"Operation that the fault affects; * means all." required:""`
	Exception string        `help:"Exception to return; any that the operation declares, or ThrottlingException."`
	Rate      float64       `help:"Share of the calls that are affected; greater than 0 and at most 1." default:"1"`
	Latency   time.Duration `help:"Time to wait before the answer, at most 1m."`
	Count     int           `help:"Calls to affect before the fault ends by itself; 0 means no end."`
}

func (faultSetCmd) Help() string {
	return `Examples:
  lanyard fault set --operation UpdateSecurityProfile --exception InternalServiceException --rate 0.2
  lanyard fault set --operation '*' --latency 300ms
  lanyard fault set --operation CreateUser --exception ThrottlingException --count 10`
}

func (c *faultSetCmd) Run(io streams) error {
	if !(c.Rate > 0 && c.Rate <= 1) { // JSON has no NaN
		return refuse("--rate must be greater than 0 and at most 1, got %v", c.Rate)
	}
	r, err := c.connectRunning(io)
	if err != nil {
		return err
	}
	return r.SetFault(io.ctx,
		fault.Fault{Operation: c.Operation, Exception: c.Exception, Rate: c.Rate, Latency: c.Latency, Count: c.Count})
}

type faultListCmd struct {
	dataFlag   `embed:""`
	outputFlag `embed:""`
}

func (faultListCmd) Help() string {
	return `Examples:
  lanyard fault list
  lanyard fault list --output json`
}

func (c *faultListCmd) Run(io streams) error {
	r, err := c.connectRunning(io)
	if err != nil {
		return err
	}
	faults, err := r.Faults(io.ctx)
	if err != nil {
		return err
	}
	if c.json(io) {
		type line struct {
			Operation, Exception string
			Rate                 float64
			Latency              string
			Count                int
		}
		lines := []line{}
		for _, f := range faults {
			lines = append(lines, line{f.Operation, f.Exception, f.Rate, f.Latency.String(), f.Count})
		}
		return laxjson.Write(io.out, lines)
	}
	w := newTable(io.out, "OPERATION", "EXCEPTION", "RATE", "LATENCY", "CALLS LEFT")
	for _, f := range faults {
		left := "no end"
		if f.Count > 0 {
			left = fmt.Sprint(f.Count)
		}
		w.row(f.Operation, f.Exception, f.Rate, f.Latency, left)
	}
	return w.flush()
}

type faultClearCmd struct {
	dataFlag  `embed:""`
	Operation string `help:"Operation whose fault to remove; default: all."`
}

func (faultClearCmd) Help() string {
	return `Examples:
  lanyard fault clear
  lanyard fault clear --operation CreateUser`
}

func (c *faultClearCmd) Run(io streams) error {
	r, err := c.connectRunning(io)
	if err != nil {
		return err
	}
	n, err := r.ClearFaults(io.ctx, c.Operation)
	if err == nil && n == 0 && c.Operation != "" {
		return fmt.Errorf("no fault is set for %s", c.Operation)
	}
	return err
}
