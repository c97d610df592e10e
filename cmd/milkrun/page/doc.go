// Package page serves milkrun's status page: what the state file and the running engine say, and the buttons that an
// operator has on the command line.
//
//	state file ─┐                       ┌→ pages (html/template, whole without JavaScript)
//	running runs ├→ snapshot → views ───┤
//	configuration┘                      └→ fragments (the same templates, sent when they change: SSE)
//
// Every page is a view: a function that gives a template and its data, and names the parts that change while somebody
// looks. Asked for with "Accept: text/event-stream", the same address sends those parts, each whenever it has become
// another one. The script only puts them in place.
//
// # Who may
//
// Without a token anybody who reaches the listener may look and act, so it listens on loopback or a Unix socket then. A
// browser on the same machine is no reason to trust the site it shows: the Host must be one of this machine (a name that
// was bound anew to 127.0.0.1 is refused), a change must come from the page itself (Sec-Fetch-Site or Origin, and a token
// of the process that only the page's own forms have), and nothing from elsewhere is ever loaded, framed or run.
//
// What comes from records, partners and operators is text; html/template escapes it. The page changes nothing by itself:
// [Actions] do, with who and why, and record it. It never edits jobs.toml.
package page
