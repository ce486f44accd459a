/**
 * Everything that speaks SSH: which address answers, whose host key it shows, commands with framed output, the folder as
 * a file tree, and the three ways to bring its bytes here (ranged SFTP, rsync, scp). Built on Apache MINA SSHD; the
 * routes put their own {@link dev.adapterferry.source.ssh.RemoteShell} in its place. Never trusts what the far side prints.
 */
package dev.adapterferry.source.ssh;
