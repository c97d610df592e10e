// Package recorder keeps the requests and answers of an HTTP partner in a folder of readable files, masked before the
// first byte is written; serves such a folder as a stand-in of the partner; and says where two of them differ. It is how
// joint debugging (联调) is done with a partner that has no sandbox.
//
//   - A [Recorder] sits between a connection's client and the network ([transport.Layer]), so it sees what every HTTP
//     partner sends and gets, whatever its protocol is: bytes on the wire, signed, as they are.
//   - A [Folder] holds the exchanges, one text file each, and index.json. [Read] reads one.
//   - A [Replay] answers requests from a recording.
//   - [Compare] compares two recordings by the structure of their answers, not by their data.
//
// # What is hidden
//
//   - The connection's secrets, wherever they stand, also encoded: [secret]. So is what is called a password, a token, a
//     key or a cookie, and what an Authorization header holds.
//   - Signatures, nonces, times and ids of one request, which are others in the next one: [volatile].
//   - Personal data, by the job's own masks, by the name of the field, and by its form in free text: see package mask. One
//     value becomes the same text throughout a recording, and two values never the same one, so that keys still join: the
//     second person to become 张* is 张*#2. A number stays a number.
//   - Text within text is looked into: JSON in a form or in a string, base64, hexadecimal, percent signs.
//   - What nobody can read, encrypted or binary, is kept as its length and digest.
//
// The limit is that of package mask: a name of a person in free text, without a label, is not recognised.
package recorder
