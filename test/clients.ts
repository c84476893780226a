/** The thin clients of `clients/`, made runnable: each an example of two players with the same words and the same lines. */
import { execFileSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hasProgram } from './support.ts';

const CLIENTS = fileURLToPath(new URL('../clients/', import.meta.url));
const MAIN = fileURLToPath(new URL('../dist/command/cli/main.js', import.meta.url));
const STRICT = ['-O1', '-g', '-Wall', '-Wextra', '-pedantic', '-Werror'];

export interface Client {
  readonly name: string;
  /** What it needs and this computer has not. */
  readonly missing: string | null;
  /** Compiles it into the folder; the words that begin it. */
  build(folder: string): readonly string[];
}

function needs(...programs: readonly string[]): string | null {
  const lacking = programs.filter((program) => !hasProgram(program));
  return lacking.length === 0 ? null : `${lacking.join(', ')} is not installed`;
}

function has(missing: string | null, file: string, what: string): string | null {
  return missing ?? (hasFile(file) ? null : `${what} is not installed`);
}

function hasFile(header: string): boolean {
  try {
    execFileSync('gcc', ['-E', '-include', header, '-x', 'c', '/dev/null'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

export const C: Client = {
  name: 'C',
  missing: needs('gcc'),
  build(folder) {
    const program = join(folder, 'example-c');
    execFileSync('gcc', ['-std=c99', ...STRICT, '-o', program, join(CLIENTS, 'c/example.c')]);
    return [program];
  },
};

export const C_UNDER_VALGRIND: Client = {
  name: 'C under valgrind',
  missing: needs('gcc', 'valgrind'),
  build: (folder) => ['valgrind', '--quiet', '--leak-check=full', '--error-exitcode=9', ...C.build(folder)],
};

export const CPP: Client = {
  name: 'C++ with ENet',
  missing: has(needs('gcc', 'g++'), 'enet/enet.h', 'libenet-dev'),
  build(folder) {
    const program = join(folder, 'example-cpp');
    const include = ['-I', join(CLIENTS, 'c')];
    execFileSync('g++', [
      '-std=c++11',
      ...STRICT,
      ...include,
      '-o',
      program,
      join(CLIENTS, 'cpp/example.cpp'),
      '-lenet',
    ]);
    return [program];
  },
};

export const CSHARP: Client = {
  name: 'C#',
  missing: needs('mcs', 'mono'),
  build(folder) {
    const program = join(folder, 'example.exe');
    const sources = ['Runtime/Sallyport.cs', 'Samples~/Console/Example.cs'].map((file) => join(CLIENTS, 'unity', file));
    execFileSync('mcs', ['-langversion:7.2', '-warn:4', '-warnaserror', `-out:${program}`, ...sources]);
    return ['mono', program];
  },
};

/** What the lobby sample uses of Unity, which can't be had here: enough for the compiler, and nothing that runs. */
const UNITY_STUB = `
namespace UnityEngine {
  public class MonoBehaviour {}
  public static class GUILayout {
    public static void Label(string text) {}
    public static bool Button(string text) { return false; }
    public static string TextField(string text) { return text; }
  }
}
namespace UnityEngine.Events {
  public class UnityEvent { public void Invoke() {} }
  public class UnityEvent<A, B> { public void Invoke(A a, B b) {} }
}
`;

/** Throws what the compiler says of the sample for Unity, against the stub. */
export function compileLobby(folder: string): void {
  const stub = join(folder, 'UnityEngine.cs');
  writeFileSync(stub, UNITY_STUB);
  const sources = ['Runtime/Sallyport.cs', 'Samples~/Lobby/SallyportLobby.cs'].map((file) =>
    join(CLIENTS, 'unity', file),
  );
  const out = `-out:${join(folder, 'lobby.dll')}`;
  execFileSync('mcs', ['-langversion:7.2', '-target:library', out, stub, ...sources]);
}

export const PYTHON: Client = {
  name: 'Python',
  missing: needs('python3'),
  // -B: nothing is written beside the source.
  build: () => ['python3', '-B', '-W', 'error', join(CLIENTS, 'python/example.py')],
};

export const GODOT3: Client = {
  name: 'Godot 3',
  missing: needs('godot3-server'),
  build: () => ['godot3-server', '--path', join(CLIENTS, 'godot3'), '--script', 'example.gd'],
};

/** A game as netfox.noray makes them. */
export const NORAY_GAME = [
  'godot3-server',
  '--path',
  fileURLToPath(new URL('godot3', import.meta.url)),
  '--script',
  'game.gd',
];

/** Stands for the installed command; what SALLYPORT is to name. */
export function commandIn(folder: string): string {
  const path = join(folder, 'sallyport');
  writeFileSync(path, `#!/bin/sh\nexec '${process.execPath}' '${MAIN}' "$@"\n`);
  chmodSync(path, 0o755);
  return path;
}
