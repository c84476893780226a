/**
 * Opens the app in the person's browser. Every user of a computer can read the command lines of all programs, so the link with its
 * token never stands on one: the browser is given a file that only its owner can read, and the page in it leads on to the link.
 */
import { spawn } from 'node:child_process';
import { unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { writePrivateFile } from '../node/index.ts';

export interface Opener {
  /** Removes the file. */
  close(): void;
}

/** Best effort: the link is printed anyway. `folder` is one for the owner's files. */
export function openBrowser(link: string, folder: string): Opener {
  const path = join(folder, `open-app-${process.pid}.html`);
  try {
    writePrivateFile(path, pageTo(link));
  } catch {
    return { close: () => {} };
  }
  const url = pathToFileURL(path).href;
  const [command, ...args] =
    process.platform === 'win32'
      ? ['cmd', '/c', 'start', '', url]
      : process.platform === 'darwin'
        ? ['open', url]
        : ['xdg-open', url];
  const child = spawn(command as string, args, { stdio: 'ignore', detached: true });
  child.on('error', () => {});
  child.unref();
  return {
    close: () => {
      try {
        unlinkSync(path);
      } catch {
        // Somebody has tidied up before us.
      }
    },
  };
}

/** The link is our own: digits, letters, `-`, `_` and what makes a URL. */
function pageTo(link: string): string {
  return `<!doctype html>
<meta charset="utf-8">
<meta name="referrer" content="no-referrer">
<meta http-equiv="refresh" content="0; url=${link}">
<title>sallyport</title>
<a href="${link}">sallyport</a>
`;
}
