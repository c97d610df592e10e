package recorder

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Replay answers requests as they were answered when they were recorded. A request is known by its method, its path
// below the address of its connection, and what is stable in its query and body. One that was recorded several times is
// answered in that order, and then as the last time. Where only times and ids differ it is taken to be the same. It is
// safe for concurrent use.
type Replay struct {
	recording *Recording
	comparer  *masker
	requests  []asked // of the exchanges
	tell      func(string)

	mu    sync.Mutex
	used  []int // how often an exchange was the answer
	count Served
}

// Served counts requests: answered, answered although a time or an id differed, and not known.
type Served struct{ Answered, Shifted, Unknown int }

// NewReplay returns a stand-in. tell is told, a line each, what is worth knowing while it serves.
func NewReplay(r *Recording, tell func(string)) *Replay {
	s := &Replay{recording: r, comparer: newComparer(), tell: tell, used: make([]int, len(r.List))}
	for _, e := range r.List {
		s.requests = append(s.requests, s.comparer.comparable(e.Request))
	}
	return s
}

// Served says what was asked so far.
func (s *Replay) Served() Served {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

// ServeHTTP implements [http.Handler].
func (s *Replay) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostBody))
	if err != nil {
		http.Error(w, "the body is too large", http.StatusRequestEntityTooLarge)
		return
	}
	come := s.comparer.comparable(s.comparer.request(r, "", body))
	i := s.choose(come)
	if i < 0 {
		s.unknown(w, come)
		return
	}
	s.answer(w, s.recording.List[i])
}

// choose finds the exchange that answers a request, -1 when there is none: the first that is the same and has not
// answered yet, else the first that is shifted, else the last of those that have.
func (s *Replay) choose(come asked) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	best, rank, how := -1, 0, other
	for i, recorded := range s.requests {
		if recorded.method != come.method || !alike(recorded.path, come.path) {
			continue
		}
		n := near(recorded.compare(come))
		if n == other {
			continue
		}
		fresh := s.used[i] == 0
		r := map[bool]map[nearness]int{true: {same: 4, shifted: 3}, false: {same: 2, shifted: 1}}[fresh][n]
		if r > rank || r == rank && !fresh {
			best, rank, how = i, r, n
		}
	}
	switch {
	case best < 0:
		s.count.Unknown++
		return best
	case how == shifted:
		s.count.Shifted++
	}
	s.count.Answered++
	s.used[best]++
	return best
}

// answer sends what was recorded.
func (s *Replay) answer(w http.ResponseWriter, e Exchange) {
	if e.Answer == nil {
		s.tell(fmt.Sprintf("exchange %d had no answer (%s): the connection is closed", e.Number, e.Error))
		panic(http.ErrAbortHandler)
	}
	a := e.Answer
	if a.Body.Form == Omitted {
		s.tell(fmt.Sprintf("the answer of exchange %d is not in the recording, only its %d bytes' digest", e.Number, a.Body.Size))
		http.Error(w, "this answer is not in the recording, only its digest", http.StatusNotImplemented)
		return
	}
	for _, p := range a.Header {
		w.Header().Add(p.Name, p.Value)
	}
	body := a.Body.wire()
	broken := e.Error != ""
	if broken {
		w.Header().Set("Content-Length", strconv.Itoa(max(a.Body.Size, len(body))+1))
	}
	w.WriteHeader(a.Status)
	_, _ = w.Write(body)
	if broken {
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler) // as it was
	}
}

// wire writes a body as a partner would.
func (b Body) wire() []byte {
	switch b.Form {
	case JSON:
		return []byte(b.tree.compact())
	case URLEncoded:
		var parts []string
		for _, m := range b.tree.members {
			value := m.value.text
			if m.value.kind != text {
				value = m.value.compact()
			}
			parts = append(parts, url.QueryEscape(m.name)+"="+url.QueryEscape(value))
		}
		return []byte(strings.Join(parts, "&"))
	}
	return []byte(b.Text)
}

// unknown refuses a request in the partner's own words, as far as a recording shows them, and tells what is nearest to it.
func (s *Replay) unknown(w http.ResponseWriter, come asked) {
	nearest, differences := s.nearest(come)
	hint := s.hint(come, nearest, differences)
	s.tell(hint)
	if nearest >= 0 {
		if a := s.recording.List[nearest].Answer; a != nil && a.Body.Form == JSON && a.Body.tree.kind == object {
			w.Header().Set("Content-Type", "application/json; charset=UTF-8")
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, refusal(a.Body.tree).compact())
			return
		}
	}
	http.Error(w, notRecorded, http.StatusNotFound)
}

const notRecorded = "this request is not in the recording"

// nearest is the exchange that differs least from a request, -1 when nothing is recorded for its path.
func (s *Replay) nearest(come asked) (int, []difference) {
	best, least := -1, []difference(nil)
	for i, recorded := range s.requests {
		if !alike(recorded.path, come.path) {
			continue
		}
		d := recorded.compare(come)
		if best < 0 || len(d) < len(least) {
			best, least = i, d
		}
	}
	return best, least
}

// hint tells of a request that is not known, a line each.
func (s *Replay) hint(come asked, nearest int, differences []difference) string {
	lines := []string{fmt.Sprintf("%s %s is not in the recording", come.method, come.path)}
	if left := s.recording.LeftOut; left > 0 {
		lines = append(lines, fmt.Sprintf("  the recording left out %d exchanges above its limit", left))
	}
	if nearest < 0 {
		return strings.Join(append(lines, fmt.Sprintf("  what it has: %s", strings.Join(s.paths(), ", "))), "\n")
	}
	lines = append(lines, fmt.Sprintf("  the nearest is exchange %d; what differs:", s.recording.List[nearest].Number))
	if telling := slices.DeleteFunc(slices.Clone(differences), func(d difference) bool { return d.shifts }); len(telling) > 0 {
		differences = telling // a time and an id made no difference
	}
	const most = 5
	for i, d := range differences {
		if i == most {
			lines = append(lines, fmt.Sprintf("    … and %d more", len(differences)-most))
			break
		}
		lines = append(lines, "    "+d.String())
	}
	return strings.Join(lines, "\n")
}

// paths are the requests there are, each once.
func (s *Replay) paths() []string {
	var list []string
	seen := map[string]bool{}
	for _, r := range s.requests {
		if line := r.method + " " + r.path; !seen[line] {
			seen[line] = true
			list = append(list, line)
		}
	}
	if len(list) == 0 {
		return []string{"no exchange at all"}
	}
	return list
}

// refusal makes an error of an answer: its codes say so, its messages tell why, the rest is left out.
func refusal(answer *node) *node {
	n := &node{kind: object}
	for _, m := range answer.members {
		name := squashed(m.name)
		switch {
		case messageNames.MatchString(name) && m.value.kind == text:
			n.members = append(n.members, member{m.name, textNode(notRecorded)})
		case codeNames.MatchString(name):
			if v := refusing(m.value); v != nil {
				n.members = append(n.members, member{m.name, v})
			}
		}
	}
	if len(n.members) == 0 {
		n.members = []member{{"error", textNode(notRecorded)}}
	}
	return n
}

// refusing is a code of the same type that means no success.
func refusing(v *node) *node {
	switch v.kind {
	case number:
		return &node{kind: number, text: "404"}
	case truth:
		return &node{kind: truth, text: "false"}
	case text:
		if strings.Trim(v.text, "0123456789-") == "" {
			return textNode("404")
		}
		return textNode("ERROR")
	}
	return nil
}
