package main

import (
	"github.com/spf13/cobra"
)

// chapter is some commands under one heading of the help.
type chapter struct {
	title string
	cmds  []*cobra.Command
}

// chapters are all commands, by what one is after.
func (a *app) chapters() []chapter {
	return []chapter{
		{"Run jobs:", []*cobra.Command{a.runCommand(), a.onceCommand(), a.checkCommand(), a.sandboxCommand()}},
		{"See how it goes:", []*cobra.Command{a.statusCommand(), a.runsCommand(), a.nextCommand(), a.slotsCommand(), a.incidentsCommand(), a.doctorCommand()}},
		{"Steer the daemon:", []*cobra.Command{a.pauseCommand(), a.resumeCommand(), a.triggerCommand(), a.cancelCommand(), a.planCommand(), a.reloadCommand()}},
		{"Mend, and send again:", []*cobra.Command{a.deadCommand(), a.doubtCommand(), a.checkpointCommand(), a.backfillCommand(), a.repushCommand()}},
		{"With partners:", []*cobra.Command{a.signCommand(), a.accountCommand(), a.messagesCommand(), a.interfacesCommand(), a.rejectionsCommand(), a.reportCommand(),
			a.recordCommand(), a.replayCommand(), a.diffCommand()}},
		{"Look after milkrun:", []*cobra.Command{a.auditCommand(), a.alertCommand(), a.backupCommand(), a.restoreCommand(), a.pruneCommand(), a.schemaCommand(), a.versionCommand()}},
	}
}

// bind puts the commands below root, each under its heading.
func bind(root *cobra.Command, chapters []chapter) *cobra.Command {
	var all []*cobra.Command
	for _, c := range chapters {
		root.AddGroup(&cobra.Group{ID: c.title, Title: c.title})
		for _, cmd := range c.cmds {
			cmd.GroupID = c.title
			all = append(all, cmd)
		}
	}
	return group(root, all...)
}
