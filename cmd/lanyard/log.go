package main

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// limitedLog lets a message of Warn or above pass so many times in a while, and then tells how many it
// swallowed: when a disk fails, every call does, and the log is on a disk too.
type limitedLog struct {
	slog.Handler
	seen *seenMessages
}

const (
	mostMessages   = 20
	whileOfMessage = 10 * time.Second
)

type seenMessages struct {
	mu       sync.Mutex
	messages map[string]*seenMessage // messages are constants of the program, so they are few
}

type seenMessage struct {
	since     time.Time
	n, missed int
}

func limitLog(h slog.Handler) slog.Handler {
	return &limitedLog{h, &seenMessages{messages: map[string]*seenMessage{}}}
}

// pass reports whether a message may pass, and how many before it did not.
func (s *seenMessages) pass(message string, at time.Time) (ok bool, missed int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.messages[message]
	if m == nil {
		m = &seenMessage{since: at}
		s.messages[message] = m
	}
	if at.Sub(m.since) > whileOfMessage {
		missed = m.missed
		*m = seenMessage{since: at}
	}
	if m.n++; m.n > mostMessages {
		m.missed++
		return false, 0
	}
	return true, missed
}

func (l *limitedLog) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= slog.LevelWarn {
		ok, missed := l.seen.pass(r.Message, r.Time)
		if !ok {
			return nil
		}
		if missed > 0 {
			r.AddAttrs(slog.Int("not_logged_before", missed))
		}
	}
	return l.Handler.Handle(ctx, r)
}

func (l *limitedLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &limitedLog{l.Handler.WithAttrs(attrs), l.seen}
}

func (l *limitedLog) WithGroup(name string) slog.Handler {
	return &limitedLog{l.Handler.WithGroup(name), l.seen}
}
