package main

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// limitedLog limits how often a message of level Warn or above is logged, and counts those that are left out. When a
// disk fails, every call fails, and the log may be on the same disk.
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
	messages map[string]*seenMessage // few, because messages are constants
}

type seenMessage struct {
	since     time.Time
	n, missed int
}

func limitLog(h slog.Handler) slog.Handler {
	return &limitedLog{h, &seenMessages{messages: map[string]*seenMessage{}}}
}

// pass reports whether a message may be logged, and how many were left out before.
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
