// Package coupang reads a vendor's data from Coupang's Open API: the ten categories of the API linking agreement's appendix,
// each stream an entry of the table in appendix.go. It only ever sends GET.
//
// # Reading
//
// The filters of Coupang go by the time of creation alone, span so much time at most, and want a status named. So a
// reading goes window by window from where the last one ended, less a lookback, to what has settled by now; within a window
// status by status, in the order of a shipment's life, so that what moves on meanwhile is met again and never missed;
// within a status page by page. All of that is in the cursor. Which side of a window is open the documents do not say (C5):
// windows overlap, and a row that came before in the same reading is left out, a changed one not.
//
// # Privacy
//
// Columns are listed; what is not listed has none. Of what is listed as personal there is no column unless the job asks for
// a masked or, with a purpose, a clear one, and nested fields are looked at by their names. Bank accounts never leave.
//
// # Blocks
//
// Coupang announces blocks by statuses and carries them out; judge.go has what each means. Calls are paid from budgets that
// all connections of the process share by vendor and by gateway (package budget), and while one of them is blocked
// nothing is sent.
//
// What the documents leave open and this package takes: codes as numbers or texts (C3), an envelope inside an envelope
// (C6), both spellings of a name (C11), amounts as objects or numbers. What nobody knows and it assumes: dates of orders
// are sent with their offset from v5 on, those of returns are not; 31 days are 31 dates, the last one included.
package coupang
