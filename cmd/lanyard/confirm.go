package main

import (
	"bufio"
	"fmt"
	"strings"
)

// asks reports whether somebody sits at a terminal who can be asked.
func (s streams) asks() bool { return s.inTerminal && (s.errTerminal || s.outTerminal) }

// confirm asks for yes on the terminal. Any other answer, and an interruption, is an error that says that nothing was
// changed.
func (s streams) confirm(question string) error {
	out := s.errs
	if !s.errTerminal {
		out = s.out
	}
	printf(out, "%s Enter yes to continue: ", question)
	answer := make(chan string, 1)
	go func() { // a read of a terminal cannot be interrupted
		line, _ := bufio.NewReader(s.in).ReadString('\n')
		answer <- strings.TrimSpace(line)
	}()
	select {
	case line := <-answer:
		if line == "yes" {
			return nil
		}
	case <-s.ctx.Done():
		fmt.Fprintln(out)
	}
	return fmt.Errorf("not confirmed; nothing was changed")
}
