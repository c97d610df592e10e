package exchange

import (
	"context"
	"fmt"

	"milkrun/sync/exchange"
	"milkrun/sync/transport/pageno"
)

// page returns the places [from, to) of a page.
func (r *reader) page(ctx context.Context, number int64, size, from, to int) (pageno.Page, error) {
	op := fmt.Sprintf("%s page %d", r.label, number)
	a, records, err := r.ask(ctx, op, map[string]int64{"page": number, "page_size": int64(size)}, size)
	if err != nil {
		return pageno.Page{}, err
	}
	n := len(records)
	p := pageno.Page{Listed: n}
	if p.Page, err = r.decode(op, records[:min(to, n)], from); err != nil {
		return pageno.Page{}, err
	}
	p.Bytes = a.Size
	p.Total, err = total(op, a)
	return p, err
}

// total is the number of records the partner states, -1 when it does not.
func total(op string, a exchange.Answer) (int64, error) {
	if a.Field("total") == nil {
		return -1, nil
	}
	n, ok := a.Int("total")
	if !ok {
		return 0, exchange.Ambiguous(op, "total is no number")
	}
	return n, nil
}
