package kind

import (
	"context"
	"fmt"

	"milkrun/sync/feed"
	"milkrun/sync/setting"
)

// ValuesType is what a person calls a key that holds [Values].
const ValuesType = "list of texts, or a source"

// Values are texts that a source needs to know what to ask its partner for: a list that stands in the configuration, or one
// column of another source.
type Values struct {
	list  []string
	inner Inner
}

// Inner is a source that another source reads, and the column it wants.
type Inner struct {
	Connection, Column string
	Source             Source
}

// ValuesField is a key that holds values: ["a", "b"], or { connection = "NAME", column = "NAME", … } with the keys of a source
// on that connection. The checker of the configuration turns a table into an [Inner].
func ValuesField(name string, to *Values, en, zh string) setting.Field {
	set := func(v any) error {
		if inner, ok := v.(Inner); ok {
			*to = Values{inner: inner}
			return nil
		}
		*to = Values{}
		return setting.Texts(name, &to.list, en, zh).Set(v)
	}
	return setting.Any(name, ValuesType, set, en, zh)
}

// Empty says that there is neither a list nor a source.
func (v *Values) Empty() bool { return len(v.list) == 0 && v.inner.Source == nil }

// Each calls yield with every value, in the order of the list or source, until it returns an error. A missing value is "".
// A source is read from its beginning; what goes wrong with it is an [InnerError], so that its own connection is halted and not the
// one that asks.
func (v *Values) Each(ctx context.Context, env Env, yield func(string) error) error {
	if v.inner.Source == nil {
		for _, text := range v.list {
			if err := yield(text); err != nil {
				return err
			}
		}
		return nil
	}
	asking := env.Connection
	env.Connection, env.Full = v.inner.Connection, true
	source, err := v.inner.Source.Open(ctx, env)
	if err == nil {
		err = v.read(ctx, env, source, yield)
	}
	if err == nil {
		return nil
	}
	judged := feed.Judge(err)
	judged.Err = fmt.Errorf("%s: reading what to ask for: %w", asking, &InnerError{v.inner.Connection, err})
	return judged
}

// InnerError says on which connection something went wrong when it is not the one of the source that was asked.
type InnerError struct {
	Connection string
	Err        error
}

// Error is the text of the error.
func (e *InnerError) Error() string { return e.Err.Error() }

// Unwrap returns it.
func (e *InnerError) Unwrap() error { return e.Err }

func (v *Values) read(ctx context.Context, env Env, source feed.Source, yield func(string) error) error {
	if c, ok := source.(interface{ Close() error }); ok {
		defer func() { _ = c.Close() }() // all that was wanted has been read
	}
	limits := v.inner.Source.Limits()
	size := max(limits.Default, 1)
	for after := feed.Cursor(""); ; {
		page, err := env.fetch(ctx, source, after, size)
		if err != nil {
			return err
		}
		if err := v.column(page.Rows, yield); err != nil {
			return err
		}
		if page.Done {
			return nil
		}
		if page.Next == after {
			return feed.Errorf(feed.HaltJob, "cursor", "%s: the cursor stays at %s", v.inner.Connection, after)
		}
		after = page.Next
	}
}

// fetch asks an inner source, whose environment it is, for a page.
func (e Env) fetch(ctx context.Context, source feed.Source, after feed.Cursor, limit int) (feed.Page, error) {
	if e.Inner == nil {
		return source.Fetch(ctx, after, limit)
	}
	ctx, over, err := e.Inner(ctx, e.Connection, string(after))
	if err != nil {
		return feed.Page{}, err
	}
	page, err := source.Fetch(ctx, after, limit)
	over(page.Rows.Len(), err)
	return page, err
}

func (v *Values) column(b feed.Batch, yield func(string) error) error {
	if b.Len() == 0 {
		return nil
	}
	at, ok := b.Columns.Index(v.inner.Column)
	if !ok {
		return feed.Errorf(feed.HaltJob, "column", "%s: there is no column %q", v.inner.Connection, v.inner.Column).
			WithRemedy("correct column; there are %v", b.Columns.Names())
	}
	for i := range b.Len() {
		text := ""
		if value := b.Row(i)[at]; value != nil {
			text = fmt.Sprint(value)
		}
		if err := yield(text); err != nil {
			return err
		}
	}
	return nil
}
