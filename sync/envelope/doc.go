// Package envelope seals and opens the encrypted messages of partners whose documents demand that "messages shall be
// encrypted; the receiver decrypts, computes a digest of the decrypted data and compares it with the sender's" (draft of
// DB14/T 2831—2023) and say neither with which algorithms nor where what stands. A [Profile] says it: every algorithm, place
// and encoding that the published interfaces of this kind use is a key of it.
//
// The flow of one message: a fresh key encrypts the text (SM4 or AES), that key is wrapped for the receiver (SM2 or RSA),
// and the digest of the text goes beside both, with a signature if the profile wants one. Opening goes the other way and in
// this order: unwrap, decrypt, digest over the exact bytes that were decrypted, compared in constant time, signature, and
// only then does anybody parse them. Whatever fails names the step and nothing of the message: telling a wrong padding from
// a wrong key would answer questions of an attacker.
//
// Padding without authentication (CBC, ECB) is what the partners use; the digest beside it detects accidents and an attacker
// who cannot encrypt. It does not replace TLS, under which all of this runs.
//
// SM2, SM3 and SM4 are github.com/emmansun/gmsm, whose home this package is; RSA, AES, SHA-256 and MD5 are the standard
// library's.
package envelope
