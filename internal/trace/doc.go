// Package trace tells what the calls of a supervised command ask for: which
// path, by the caller's own working directory, root, descriptors and links;
// which rights, which port; and what the box says of it.
//
// [Supervise] is the loop of the supervisor. It answers each call as the
// program says that the command was given, run on the registers that the
// kernel has copied: nothing that the command can change afterwards has a part
// in it. CONTINUE is the answer where that program allows the call and so the
// kernel goes on to decide, Landlock included, as if nobody had asked. What is
// read of the command's memory serves to tell, never to answer.
package trace
