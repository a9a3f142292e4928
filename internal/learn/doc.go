// Package learn writes the policy that a run needed.
//
// A [Recorder] watches the calls of a command that nothing is refused but the
// floor, and notes which paths it used and how, which promises its calls take,
// and which ports. [Record] makes a policy of it, in the words of package
// policy: what a run has used, so that the same run passes under it, and no
// more than the rules below add.
//
// The rules, which stand at the head of the file that is written:
//
//   - What the run itself made belongs to the folder that it was made in.
//   - Where three or more things of one folder need a letter, the folder has it;
//     and so on upwards.
//   - Never so the folders of the whole system and of the home directory
//     ([trace.Closed]): what is in them stands by itself.
//   - What every command gets anyway is left out.
package learn
