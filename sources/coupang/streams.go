package coupang

import (
	"slices"
	"time"
)

const day = 24 * time.Hour

// stream is one resource: where it is, how it is paged and bounded, what its records hold. The list of them is the
// appendix of the agreement.
type stream struct {
	name     string
	category int // of the appendix, 1 to 10
	family   family
	versions []version // newest first
	params   []param   // sent with every call
	sweeps   []sweep   // read one after the other for each window; none is a single one
	paging   paging
	window   window
	list     string // where the records are: "data", "data.content"; "" is the answer itself
	tree     string // the field that holds a record's children, which are records too
	key      []string
	fields   string   // the columns; see columnsOf
	items    string   // the list that items = "rows" makes rows of
	parts    string   // the columns of its elements
	itemKey  []string // what is added to the key then
	rows     bool     // rows is the default: the list is part of the key
	sweepDay int      // days that every run reads again, unless lookback says otherwise
	// A stream that is asked for by ids: the name its record gives the id, and the stream and the field that list them.
	id, of, from string
}

// family is what the answers of a stream look like.
type family int

const (
	wrapped family = iota // {code, message, data, nextToken}
	bare                  // the data itself
	coupons               // fms: {code, data: {success, content}}
)

// version is a generation of a stream. Zoned says that its dates carry their offset.
type version struct {
	name, path string
	zoned      bool
}

type param struct{ name, value string }

// sweep is one value of a filter that has to be named, with its name in the cursor.
type sweep struct {
	name   string
	params []param
}

// paging says how a list is divided.
type paging struct {
	kind  pageKind
	token string // parameter of the token or the page
	size  string // parameter of the size
	most  int
	first int // the first page
}

type pageKind int

const (
	whole    pageKind = iota // one answer is all
	byToken                  // nextToken until it is empty
	byNumber                 // pages are counted
)

// window says how much time a call may span, and how that is written. Span 0 is none.
type window struct {
	unit     unit
	span     time.Duration
	from, to string // parameters; to is empty for a month
}

type unit int

const (
	noUnit unit = iota
	days
	compactDays
	minutes
	seconds
	months
)

const (
	openapi     = "/v2/providers/openapi/apis/api/"
	sellerAPI   = "/v2/providers/seller_api/apis/api/v1/marketplace/"
	marketplace = "/v2/providers/marketplace_openapi/apis/api/"
	fms         = "/v2/providers/fms/apis/api/"
	rocketAPI   = "/v2/providers/rg_open_api/apis/api/v1/vendors/{v}/rg/"
)

// find returns the stream of a name, nil when there is none.
func find(name string) *stream {
	list := streams()
	if i := slices.IndexFunc(list, func(s stream) bool { return s.name == name }); i >= 0 {
		return &list[i]
	}
	return nil
}

func names() []string {
	var all []string
	for _, s := range streams() {
		all = append(all, s.name)
	}
	return all
}

func one(path string) []version { return []version{{name: "v1", path: path}} }

// since2025 are the versions of a stream that was renewed in July 2025.
func since2025(newer, older, behind string) []version {
	at := func(v string) string { return openapi + v + "/vendors/{v}/" + behind }
	return []version{{newer, at(newer), behind == "ordersheets"}, {older, at(older), false}}
}

func statuses(parameter string, values ...string) []sweep {
	list := make([]sweep, len(values))
	for i, v := range values {
		list[i] = sweep{v, []param{{parameter, v}}}
	}
	return list
}

func tokens(most int) paging {
	return paging{kind: byToken, token: "nextToken", size: "maxPerPage", most: most}
}

func numbers(most int) paging {
	return paging{kind: byNumber, token: "pageNum", size: "pageSize", most: most, first: 1}
}

func created(u unit, span time.Duration) window {
	return window{u, span, "createdAtFrom", "createdAtTo"}
}

// orderStatuses are in the order of a shipment's life: a box that moves on while they are swept is met again, never missed.
func orderStatuses() []sweep {
	return statuses("status", "ACCEPT", "INSTRUCT", "DEPARTURE", "DELIVERING", "FINAL_DELIVERY", "NONE_TRACKING")
}

// returnSweeps are the statuses of returns, and the cancellations, which must not name one (C4).
func returnSweeps() []sweep {
	return append(statuses("status", "RU", "UC", "CC", "PR"), sweep{"CANCEL", []param{{"cancelType", "CANCEL"}}})
}

// version returns a version by its name, the newest for "".
func (s *stream) version(name string) (version, bool) {
	if name == "" {
		return s.versions[0], true
	}
	i := slices.IndexFunc(s.versions, func(v version) bool { return v.name == name })
	if i < 0 {
		return version{}, false
	}
	return s.versions[i], true
}

// rg says that the Rocket Growth budget counts.
func (s *stream) rg() bool { return s.category == 10 }

// windowed says that the stream is read by the time of its records.
func (s *stream) windowed() bool { return s.window.unit != noUnit }
