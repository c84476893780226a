/** What shells and `man` are told of the command (`packaging/words.ts`), read by the shells and by `man` themselves. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { homebrew, winget } from '../../packaging/templates.ts';
import { bashCompletion, fishCompletion, manPage, zshCompletion } from '../../packaging/words.ts';
import { COMMANDS, type Flag, variableOf } from '../../src/cli/index.ts';
import { describeUnless, hasProgram } from '../support.ts';

const folder = mkdtempSync(join(tmpdir(), 'sallyport-words-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const COMMAND_NAMES = [...Object.keys(COMMANDS).filter((name) => name !== 'lab'), 'help', 'version'].toSorted();
const flagsOf = (name: string): readonly string[] => Object.keys(COMMANDS[name]!.flags).map((flag) => `--${flag}`);
const without = (program: string): string | null => (hasProgram(program) ? null : `${program} is not installed`);

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

function sorted(text: string): readonly string[] {
  return text.split(/\s+/).filter(Boolean).toSorted();
}

/** What a shell offers for a line; the cursor stands at its end. */
type Offers = (line: string) => readonly string[];

function offersAsTheTable(offers: Offers): void {
  expect(offers('sallyport ')).toEqual(COMMAND_NAMES);
  expect(offers('sallyport jo')).toEqual(['join']);
  for (const name of Object.keys(COMMANDS).filter((one) => one !== 'lab')) {
    const offered = offers(`sallyport ${name} --`).filter((word) => word !== '--help');
    expect(offered, name).toEqual([...flagsOf(name)].toSorted());
  }
  expect(offers('sallyport host --relay ')).toEqual(['allow', 'never', 'only']);
  expect(offers('sallyport host 30000 --rel').filter((word) => word !== '--help')).toEqual(['--relay']);
}

describeUnless(without('bash'), 'bash', () => {
  const script = file('sallyport.bash', bashCompletion());
  test('offers the commands, the flags of each and their choices', () => {
    offersAsTheTable((line) => {
      const words = line.split(' ');
      const asked = `. ${script}; COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}
        _sallyport; printf '%s\n' "\${COMPREPLY[@]}"`;
      return sorted(execFileSync('bash', ['--norc', '-euc', asked], { encoding: 'utf8' }));
    });
  });

  test('offers files where a flag wants one', () => {
    const asked = `. ${script}; cd ${folder}; COMP_WORDS=(sallyport host --password-file sally); COMP_CWORD=3
      _sallyport; printf '%s\n' "\${COMPREPLY[@]}"`;
    expect(sorted(execFileSync('bash', ['-euc', asked], { encoding: 'utf8' }))).toContain('sallyport.bash');
  });
});

describeUnless(without('fish'), 'fish', () => {
  const script = file('sallyport.fish', fishCompletion());
  const fish = (asked: string): string =>
    execFileSync('fish', ['--no-config', '-c', asked], { encoding: 'utf8', env: { ...process.env, HOME: folder } });

  test('offers the commands, the flags of each and their choices, each with what it is', () => {
    offersAsTheTable((line) => {
      const offered = fish(`source ${script}; complete --do-complete '${line}'`).trim().split('\n');
      return offered.map((one) => one.split('\t')[0] ?? '').toSorted();
    });
    expect(fish(`source ${script}; complete --do-complete 'sallyport host --gam'`)).toBe(
      `--game\t${COMMANDS.host?.flags.game?.about}\n`,
    );
  });
});

describeUnless(without('zsh'), 'zsh', () => {
  test('offers the commands, the flags of each and their choices', () => {
    const functions = join(folder, 'zsh');
    mkdirSync(functions);
    writeFileSync(join(functions, '_sallyport'), zshCompletion());
    const driver = file('complete.zsh', ZSH_DRIVER);
    const env = { ...process.env, HOME: folder, FUNCTIONS: functions, TERM: 'dumb' };
    offersAsTheTable((line) => {
      const { stdout } = spawnSync('zsh', ['-f', driver, line], { encoding: 'utf8', env });
      return sorted(stdout);
    });
  }, 300_000);
});

/**
 * A terminal (zsh/zpty) with a shell that has the completion, in which the tabulator lists every match between two marks, as zsh has no
 * command for that.
 */
const ZSH_DRIVER = `
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "PROMPT=; fpath=($FUNCTIONS \\$fpath); autoload -Uz compinit; compinit -u -D"
zpty -w shell 'compadd () { builtin compadd -O matches "$@"; local m; for m in $matches; do print -r -- "<match>$m"; done; builtin compadd "$@" }'
zpty -w shell 'list-all () { print "<begin>"; zle complete-word; print "<end>"; exit }; zle -C complete-word complete-word _main_complete; zle -N list-all; bindkey "^I" list-all; print "<"ready">"'
zpty -r shell line '*<ready>*'
zpty -w -n shell "$1"$'\\t'
zpty -r shell answer '*<end>*'
print -r -- "\${answer#*<begin>}" | tr -d '\\r' | sed -n 's/.*<match>//p' | sort -u
zpty -d shell
`;

describeUnless(without('man'), 'man', () => {
  const page = file('sallyport.1', manPage('1.2.3', '2026-11-29'));
  test('shows every command and flag with its variable, and finds nothing wrong with the page', () => {
    const shown = spawnSync('man', ['--warnings', '-l', page], {
      encoding: 'utf8',
      env: { ...process.env, MANPAGER: 'cat', MANWIDTH: '200', LC_ALL: 'C.UTF-8' },
    });
    expect(shown.stderr).toBe('');
    const text = shown.stdout.replaceAll('‐', '-').replaceAll('−', '-').replace(/\s+/g, ' ');
    for (const [name, { summary, flags }] of Object.entries(COMMANDS)) {
      if (name === 'lab') continue;
      expect(text).toContain(`sallyport ${name}`);
      expect(text).toContain(summary);
      for (const [flag, { about }] of Object.entries<Flag>(flags))
        expect(text).toContain(`${about} (${variableOf(flag)})`);
    }
  });
});

const SUMS = new Map(
  ['darwin-arm64.tar.xz', 'darwin-x64.tar.xz', 'linux-arm64.tar.xz', 'linux-x64.tar.xz', 'win-x64.zip'].map((name) => [
    `sallyport-1.2.3-${name}`,
    'ab'.repeat(32),
  ]),
);
const RELEASE = { version: '1.2.3', date: '2026-11-29', sums: SUMS };

/** Of Homebrew what a formula uses, so that its install runs: it writes down where everything goes. */
const BREW = `
class Place < String
  def /(name) = Place.new("#{self}/#{name}")
  def install(*files) = puts("install #{self} #{files.flatten.sort.join(' ')}")
  def install_symlink(what) = puts("link #{self} #{what.is_a?(Hash) ? what.map { |from, to| "#{from} as #{to}" }.join : what}")
end
class Formula
  def self.method_missing(name, *words) = block_given? ? yield : puts("#{name} #{words.join(' ')}")
  def self.test = nil
  %w[libexec bin man1 bash_completion zsh_completion fish_completion].each { |name| define_method(name) { Place.new(name) } }
end
`;

describeUnless(without('ruby'), 'the formula for Homebrew', () => {
  test('is Ruby without a warning, names a file with its sum for each system, and installs program, manual and completions', () => {
    const formula = file('sallyport.rb', homebrew(RELEASE));
    expect(spawnSync('ruby', ['-wc', formula], { encoding: 'utf8' })).toMatchObject({
      stdout: 'Syntax OK\n',
      stderr: '',
    });
    const run = file('run.rb', `${BREW}\nrequire '${formula}'\nSallyport.new.install\n`);
    const { stdout, stderr } = spawnSync('ruby', [run], { encoding: 'utf8', cwd: folder });
    expect(stderr).toBe('');
    for (const system of ['darwin-arm64', 'darwin-x64', 'linux-arm64', 'linux-x64'])
      expect(stdout).toContain(`/sallyport-1.2.3-${system}.tar.xz\nsha256 ${'ab'.repeat(32)}\n`);
    expect(stdout).toContain('link bin libexec/sallyport\nlink man1 libexec/sallyport.1\n');
    expect(stdout).toContain('link bash_completion libexec/completions/sallyport.bash as sallyport\n');
  });
});

describe('the manifests for winget', () => {
  test('agree with each other, and each key stands once', () => {
    const files = winget(RELEASE);
    expect(Object.keys(files)).toHaveLength(3);
    for (const [name, text] of Object.entries(files)) {
      const rows = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
      const keys = rows.flatMap((line) => /^(\w+):/.exec(line)?.[1] ?? []);
      expect(new Set(keys).size, name).toBe(keys.length);
      for (const row of rows) expect(row, name).toMatch(/^ *(?:- )?\w+:(?: \S.*)?$/);
      expect(text).toContain('PackageIdentifier: Sallyport.Sallyport\nPackageVersion: 1.2.3\n');
    }
    const installer = files['Sallyport.Sallyport.installer.yaml'];
    expect(installer).toContain(`    InstallerSha256: ${'AB'.repeat(32)}\n`);
    expect(installer).toContain('sallyport-1.2.3-win-x64.zip\n');
  });
});
