/** Puts a text on the clipboard with the tool the system has; silently nothing where it has none. */
import { spawn } from 'node:child_process';
import { NODE_LIMITS } from './limits.ts';

type Tool = readonly [command: string, ...args: string[]];

function tools(env: NodeJS.ProcessEnv): readonly Tool[] {
  if (process.platform === 'darwin') return [['pbcopy']];
  if (process.platform === 'win32') return [['clip.exe']];
  const found: Tool[] = [];
  if (env.WAYLAND_DISPLAY) found.push(['wl-copy']);
  if (env.DISPLAY) found.push(['xclip', '-selection', 'clipboard'], ['xsel', '--clipboard', '--input']);
  // Inside WSL the clipboard is that of Windows.
  if (env.WSL_DISTRO_NAME) found.push(['clip.exe']);
  return found;
}

/** True where a tool has taken the text. Never rejects and never takes longer than the limit. */
export async function copyToClipboard(text: string, env: NodeJS.ProcessEnv = process.env): Promise<boolean> {
  for (const tool of tools(env)) if (await pipeTo(tool, text, env)) return true;
  return false;
}

function pipeTo([command, ...args]: Tool, text: string, env: NodeJS.ProcessEnv): Promise<boolean> {
  return new Promise((resolve) => {
    // xclip stays alive to serve the selection: its output is ignored and it must not keep our process.
    const child = spawn(command, args, { env, stdio: ['pipe', 'ignore', 'ignore'], detached: true });
    const finish = (done: boolean): void => {
      clearTimeout(timer);
      resolve(done);
    };
    const timer = setTimeout(() => {
      child.kill();
      finish(false);
    }, NODE_LIMITS.clipboardMs);
    child.on('error', () => finish(false));
    child.on('exit', (code) => finish(code === 0));
    child.stdin.on('error', () => {});
    child.stdin.end(text);
    child.unref();
  });
}
