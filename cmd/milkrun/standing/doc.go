// Package standing works out how jobs stand: what runs and how fast, what keeps a job from running, when it is due, how
// old what its target has is, and which promise it broke. The command line and the status page both show what it finds,
// each in its own shape; texts are English, and whoever shows them translates.
package standing
