// Package mask hides personal data: whole fields by a named [Rule], and phone, identity card, bank card numbers,
// e-mail addresses and labelled names inside free text by [Scrub].
//
// The rules are the defaults of the data interface agreement, section 1 (GB/T 35273-2020, restricted display;
// GB/T 37964-2019, de-identification). They hold for all of them but drop and password:
//
//   - Characters are counted as Unicode code points, one star for each hidden one.
//   - Text that holds a star, full-width or not, has been masked before and passes unchanged, as the agreement says; only
//     what [Scrub] finds beside the star is hidden, so that "13712345381*" does not pass. The price: a star that is part
//     of a clear name or address switches the rule off for it. password has no such exception, it leaves only stars.
//   - Text too short for the rule, of another shape, or not valid UTF-8 becomes stars as a whole, never clear text. That
//     covers the two edges at which a widely copied library returns its input: an e-mail address with a local part of
//     one character and a bank account of fewer than nine digits.
//   - Empty text stays empty, and nil stays nil.
//
// All functions are safe for concurrent use and give their own output back when they are applied to it again.
package mask
