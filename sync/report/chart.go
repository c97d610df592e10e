package report

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"

	"github.com/go-analyze/charts"
)

// chart is a drawing with what stands around it.
type chart struct {
	Title  string
	Legend []legend
	SVG    template.HTML
}

type legend struct {
	Color template.CSS
	Name  string
}

// colors tell series apart, also in print and for most who see colours differently.
func colors() []string {
	return []string{"#1f6f8b", "#e08e2b", "#b03a48", "#7a6fac", "#6b8e4e", "#8c6d4f", "#4f5d75", "#c06c84"}
}

const (
	chartWidth  = 920
	chartHeight = 240
)

// series is a row of numbers with a name.
type series struct {
	name   string
	values []float64
}

// bars draws one bar a label, with the series one upon the other. Nil when there is nothing to draw.
func bars(title string, labels []string, list []series) (*chart, error) {
	var values [][]float64
	var palette []charts.Color
	c := &chart{Title: title}
	for i, s := range list {
		if slices.Max(s.values) == 0 {
			continue
		}
		color := colors()[i%len(colors())]
		values, palette = append(values, s.values), append(palette, charts.ParseColor(color))
		c.Legend = append(c.Legend, legend{template.CSS(color), s.name}) //nolint:gosec // one of ours
	}
	if len(values) == 0 {
		return nil, nil
	}
	o := charts.NewBarChartOptionWithData(values)
	o.StackSeries = charts.Ptr(true)
	o.Theme = charts.GetTheme(charts.ThemeLight).WithSeriesColors(palette)
	o.XAxis.Labels, o.XAxis.BoundaryGap, o.XAxis.LabelCount = labels, charts.Ptr(true), len(labels)
	o.XAxis.LabelFontStyle.FontSize, o.YAxis[0].LabelFontStyle.FontSize = 8, 8
	step, top := scale(values)
	o.YAxis[0].Min, o.YAxis[0].Max, o.YAxis[0].RangeValuePaddingScale = charts.Ptr(0.0), charts.Ptr(top), charts.Ptr(0.0)
	o.YAxis[0].LabelCount = int(top/step) + 1
	o.Legend.Show = charts.Ptr(false)
	o.Padding = charts.NewBoxEqual(8)
	p := charts.NewPainter(charts.PainterOptions{OutputFormat: charts.ChartOutputSVG, Width: chartWidth, Height: chartHeight})
	if err := p.BarChart(o); err != nil {
		return nil, fmt.Errorf("drawing %q: %w", title, err)
	}
	svg, err := p.Bytes()
	if err != nil {
		return nil, fmt.Errorf("drawing %q: %w", title, err)
	}
	c.SVG = template.HTML(inline(string(svg), title)) //nolint:gosec // the library's drawing of our numbers and of labels that plain makes
	return c, nil
}

// scale is the distance of the lines behind stacked bars, a round number, and the uppermost of them.
func scale(values [][]float64) (step, top float64) {
	highest := 0.0
	for i := range values[0] {
		sum := 0.0
		for _, row := range values {
			sum += row[i]
		}
		highest = max(highest, sum)
	}
	step = math.Pow(10, math.Floor(math.Log10(max(highest/4, 1))))
	for _, round := range []float64{1, 2, 5, 10} {
		if highest/(step*round) <= 5 {
			step *= round
			break
		}
	}
	return step, math.Ceil(highest/step) * step
}

// inline makes a drawing a part of the page: without an address of a namespace that it does not need, in the page's font, and with
// a name for who cannot see it.
func inline(svg, title string) string {
	svg = strings.Replace(svg, ` xmlns:xlink="http://www.w3.org/1999/xlink"`, "", 1)
	svg = strings.Replace(svg, ` xmlns="http://www.w3.org/2000/svg"`, "", 1)
	svg = strings.Replace(svg, "<svg ", `<svg role="img" aria-label="`+template.HTMLEscapeString(title)+`" `, 1)
	return strings.ReplaceAll(svg, "font-family:'Roboto Medium',sans-serif", "font-family:inherit")
}

// charts are all drawings of the report, by name.
func (r *Report) charts() (map[string]*chart, error) {
	labels := make([]string, len(r.Days))
	for i := range labels {
		labels[i] = fmt.Sprint(i + 1)
	}
	perDay := func(value func(*Day) int64) []float64 {
		values := make([]float64, len(r.Days))
		for i := range r.Days {
			values[i] = float64(value(&r.Days[i]))
		}
		return values
	}
	calls := make([]series, len(r.Traffic))
	for i, t := range r.Traffic {
		calls[i] = series{t.Connection, perDay(func(d *Day) int64 { return d.Calls[t.Connection] })}
	}
	all := map[string]*chart{}
	for name, list := range map[string][]series{
		"records": {
			{r.phrase("delivered"), perDay(func(d *Day) int64 { return d.Delivered })}, {r.phrase("duplicates"), perDay(func(d *Day) int64 { return d.Duplicates })},
			{r.phrase("rejected"), perDay(func(d *Day) int64 { return d.Rejected })}, {r.phrase("unsettled"), perDay(func(d *Day) int64 { return d.Unsettled })},
		},
		"slots": {
			{r.phrase("ontime"), perDay(func(d *Day) int64 { return d.OnTime })}, {r.phrase("late"), perDay(func(d *Day) int64 { return d.Late })},
			{r.phrase("failed"), perDay(func(d *Day) int64 { return d.Failed })}, {r.phrase("missed"), perDay(func(d *Day) int64 { return d.Missed })},
			{r.phrase("pending"), perDay(func(d *Day) int64 { return d.Pending })},
		},
		"calls": calls,
	} {
		c, err := bars(r.phrase("c."+name), labels, list)
		if err != nil {
			return nil, err
		}
		all[name] = c
	}
	return all, nil
}
