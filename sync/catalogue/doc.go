// Package catalogue is the interface catalogue that two parties of a data exchange agree on (数据接口对接协议 二.1–二.3): for
// every interface its fields with type, whether they are required, range, length, choices, form and class of personal
// data; its purpose, its versions with the dates they are in effect, and what is promised about its timeliness.
//
// A job that names an interface has every record held against it, twice: as the source read it, and as it will be
// delivered, after masking. [Checker] does both in one pass:
//
//   - Required, type, range, length, choices and form are rules about the value as it was read. A personal value that comes
//     masked already (it holds a *) is not held against them: nobody can tell any more.
//   - What leaves is looked at where masking makes a difference: a personal field that may only be exchanged masked must
//     hold a * on the wire, one that may never be exchanged must be empty there. The wire is what is delivered when the
//     partner of the interface is the job's target, and what was read when it is the job's source. All masking rules but
//     the one for credit codes leave a * in whatever they mask, which a test of this package proves rule by rule; so only
//     fields masked by that one are masked a second time here, and checking a good value costs no allocation.
//
// An interface of user data (user_data, 二.1: 脱敏, desensitised only) is a whitelist: a column that it does not list
// halts the job before a record moves, instead of being left out silently. So does a column that must be masked and is not.
// Other interfaces let such a column pass, and the run says so.
//
// The versions that count are those in effect when a run begins (甲权利3). While two of them are, during a migration, a record
// passes that meets either; the reasons of a refused one are those of the newer version.
package catalogue
