package config

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"milkrun/sync/alert"
	"milkrun/sync/catalogue"
	"milkrun/sync/config/near"
	"milkrun/sync/kind"
	"milkrun/sync/mask"
	"milkrun/sync/schedule"
)

// Registry names the types of connections there are, as sources and as sinks.
type Registry struct {
	Sources map[string]kind.SourceType
	Sinks   map[string]kind.SinkType
}

// types returns the types of connections, sorted.
func (reg Registry) types() []string {
	all := map[string]bool{}
	for t := range reg.Sources {
		all[t] = true
	}
	for t := range reg.Sinks {
		all[t] = true
	}
	return slices.Sorted(maps.Keys(all))
}

// connection returns new settings of a type, nil when there is no such type.
func (reg Registry) connection(typ string) kind.Connection {
	if t, ok := reg.Sources[typ]; ok {
		return t.Connection()
	}
	if t, ok := reg.Sinks[typ]; ok {
		return t.Connection()
	}
	return nil
}

// Options are what a file is read against.
type Options struct {
	Registry Registry
	// Overrides are keys laid over every connection of a type: type → key → value as text. An empty value takes the key
	// away, so that its default holds. They are for the sandbox: their secrets are not warned about.
	Overrides map[string]map[string]string
	// LookupEnv finds env: secrets; nil is the process's environment.
	LookupEnv func(name string) (string, bool)
	// CredentialsDir is where credential: secrets are, $CREDENTIALS_DIRECTORY; empty when there is none.
	CredentialsDir string
	// Resolve reads the secrets and reports the ones that cannot be read. Without it a secret holds its reference.
	Resolve bool
	// Before is the configuration that this one takes the place of, nil when there is none. A connection that is the same
	// as there is the same one: its jobs go on sharing one rate limit and one pool.
	Before *Config
}

// Config is a file without errors.
type Config struct {
	Path        string
	Digest      string // SHA-256 of the text, in hex
	Location    *time.Location
	Connections map[string]*Connection
	// Watch says that the daemon takes up a changed file by itself.
	Watch bool
	// History is how long the daemon keeps what has ended; 0: for ever.
	History time.Duration
	// AuditHistory is how long it keeps the exchanges; 0: for ever.
	AuditHistory time.Duration
	Page         Page
	Alerts       Alerts
	Report       Report
	// Catalogue is the path of the catalogue of interfaces as it is written, "" without one; Digest is of its text, too.
	Catalogue  string
	Interfaces []*catalogue.Interface // by name
	Jobs       []*Job                 // by name
}

// Connection is one [connections.NAME].
type Connection struct {
	Name, Type string
	Settings   kind.Connection
	Line       int
	purpose    string // the key of this name, for types that have it
	digest     string // of all its keys and secrets
}

// Job is one [jobs.NAME] with all its defaults filled in.
type Job struct {
	Name        string
	Line        int
	Enabled     bool
	Schedule    *schedule.Schedule
	Location    *time.Location
	Jitter      time.Duration
	CatchUp     string // "none", "latest" or "all"
	Grace       time.Duration
	Overlap     string        // "skip" or "queue"
	Timeout     time.Duration // 0: none
	Source      Source
	Sink        Sink
	PageSize    int // rows
	BatchSize   int // records
	Concurrency int
	Prefetch    int // pages
	// Purpose is what the exchange is for, as agreed (clause 一, 乙权利2); it is in every line of the audit. That of its interface
	// in the catalogue, or of a connection, when the job has none.
	Purpose     string
	Retry       Retry
	Mask        map[string]mask.Rule // by column
	OnBadRecord string               // "dead-letter" or "halt"
	MaxBad      int64
	Reconcile   time.Duration // 0: never
	Retention   time.Duration // how long the sink keeps what was delivered; 0: for ever
	ShrinkLimit float64       // a share, 0 … 1
	Watch       alert.Watch
	Interface   catalogue.Use // that its records are held against; the zero one is none
	digest      string
}

// Source is what a job reads.
type Source struct {
	Connection *Connection
	Inner      []*Connection // of the sources that it takes values from, to know what to ask for; see kind.Values
	Interface  string        // the resource, table or file, as it is called in the file
	Settings   kind.Source
	digest     string
}

// Sink is what a job writes.
type Sink struct {
	Connection *Connection
	Interface  string // likewise
	Settings   kind.Sink
	digest     string
}

// Connections are the names of those that the source calls on: its own, and those that it takes values from.
func (s Source) Connections() []string {
	names := []string{s.Connection.Name}
	for _, c := range s.Inner {
		names = append(names, c.Name)
	}
	return names
}

// Uses says whether the job calls on a connection: its source's, its sink's, or one that its source takes values from.
func (j *Job) Uses(connection string) bool {
	return j.Sink.Connection.Name == connection || slices.Contains(j.Source.Connections(), connection)
}

// Retry is how a failed call is tried again. All spans are above zero.
type Retry struct {
	Initial, Max, GiveUpAfter time.Duration
}

// Job returns the job of a name, nil when there is none.
func (c *Config) Job(name string) *Job {
	for _, j := range c.Jobs {
		if j.Name == name {
			return j
		}
	}
	return nil
}

// Interface returns the interface of a name, nil when the catalogue has none.
func (c *Config) Interface(name string) *catalogue.Interface {
	for _, i := range c.Interfaces {
		if i.Name == name {
			return i
		}
	}
	return nil
}

// Close closes all connections.
func (c *Config) Close() error {
	var errs []error
	for _, conn := range c.Connections {
		errs = append(errs, conn.Settings.Close())
	}
	for _, c := range c.Alerts.Channels {
		errs = append(errs, c.Settings.Close())
	}
	return errors.Join(errs...)
}

// Load reads a file. The config is nil when one of the problems is an error.
func Load(path string, opt Options) (*Config, Problems) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, Problems{unreadable(path, err)}
	}
	r := newReader(path, text, opt)
	r.fromFile = true
	return r.read()
}

// Parse reads a text. name stands for its path: in problems, and for relative file: secrets.
func Parse(name string, text []byte, opt Options) (*Config, Problems) {
	return newReader(name, text, opt).read()
}

// Near returns the candidate somebody most probably meant by word, empty when none is like it.
func Near(word string, candidates []string) string { return near.Near(word, candidates) }

func unreadable(path string, err error) Problem {
	p := Problem{File: path, Severity: Error, Text: "the file cannot be read: " + cause(err), Remedy: "check the path and its permissions"}
	if errors.Is(err, fs.ErrNotExist) {
		p.Text, p.Remedy = "there is no such file", "give the path with --config"
	}
	return p
}

// cause is an error without the operation and path that a PathError puts before it.
func cause(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}

func newReader(name string, text []byte, opt Options) *reader {
	if opt.LookupEnv == nil {
		opt.LookupEnv = os.LookupEnv
	}
	return &reader{name: name, folder: filepath.Dir(name), text: text, opt: opt, used: map[string]bool{}}
}

// DigestOf returns the digest of a file as it is now, with that of the catalogue it names.
func DigestOf(path string) (string, error) {
	text, err := os.ReadFile(path)
	return digest(text, catalogueOf(path, text)), err
}

// digest is that of texts one behind the other.
func digest(texts ...[]byte) string {
	sum := sha256.Sum256(bytes.Join(texts, nil))
	return hex.EncodeToString(sum[:])
}
