import { expect, test } from 'vitest';
import { COMMANDS, commandHelp, type Flags, helpText, readCommandLine, variableOf } from '../../src/cli/testing.ts';
import { SallyportError } from '../../src/node/index.ts';

const TABLE = {
  master: { kind: 'text', value: 'LINK', about: '' },
  max: { kind: 'number', value: 'N', min: 1, max: 64, about: '' },
  stun: { kind: 'list', value: 'HOST:PORT', about: '' },
  json: { kind: 'on', about: '' },
  'no-clipboard': { kind: 'on', about: '' },
  relay: { kind: 'text', choices: ['never', 'allow'], about: '' },
} as const satisfies Flags;

const read = (argv: string, env: NodeJS.ProcessEnv = {}) =>
  readCommandLine(TABLE, ['PORT'], argv.split(' ').filter(Boolean), env);
const refusal = (argv: string, env: NodeJS.ProcessEnv = {}): string => {
  try {
    read(argv, env);
  } catch (error) {
    expect(error).toBeInstanceOf(SallyportError);
    expect((error as SallyportError).code).toBe('USAGE');
    return (error as SallyportError).detail;
  }
  return 'taken';
};

test('words and flags of every kind are read, in any order', () => {
  expect(read('--json 30000 --master M --max=8 --stun a:1 --stun b:2 --no-clipboard')).toEqual({
    words: ['30000'],
    flags: { master: 'M', max: 8, stun: ['a:1', 'b:2'], json: true, 'no-clipboard': true, relay: undefined },
    given: new Set(['json', 'master', 'max', 'stun', 'no-clipboard']),
  });
});

test('each flag has a variable, and the flag beats it', () => {
  expect(variableOf('no-clipboard')).toBe('SALLYPORT_NO_CLIPBOARD');
  const env = {
    SALLYPORT_MASTER: 'V',
    SALLYPORT_MAX: '3',
    SALLYPORT_STUN: 'a:1, b:2',
    SALLYPORT_JSON: '1',
    SALLYPORT_RELAY: '',
  };
  expect(read('1', env).flags).toEqual({
    master: 'V',
    max: 3,
    stun: ['a:1', 'b:2'],
    json: true,
    'no-clipboard': false,
    relay: undefined,
  });
  expect(read('1 --master M --max 4', env).flags).toMatchObject({ master: 'M', max: 4 });
});

test.each([
  ['1 --jsn', "Unknown option '--jsn'"],
  ['1 -x', "Unknown option '-x'"],
  ['', 'PORT is missing'],
  ['1 2', '"2" is one word too many'],
  ['1 --max', '--max'],
  ['1 --max 0', '--max is a number from 1 to 64, not "0"'],
  ['1 --max 65', '--max is a number'],
  ['1 --max 1e1', '--max is a number'],
  ['1 --max -5', "Option '--max' lacks its value, or that begins with a dash."],
  ['1 --relay maybe', '--relay is one of never, allow, not "maybe"'],
  ['1 --json=yes', '--json'],
])('"%s" is refused: %s', (argv, why) => {
  expect(refusal(argv)).toContain(why);
});

test('a malformed variable is refused by its own name', () => {
  expect(refusal('1', { SALLYPORT_MAX: 'many' })).toContain('SALLYPORT_MAX is a number');
  expect(refusal('1', { SALLYPORT_JSON: 'perhaps' })).toContain('SALLYPORT_JSON');
});

test('help names every command, every flag and its variable', () => {
  for (const [name, command] of Object.entries(COMMANDS)) {
    expect(helpText()).toContain(`  ${name}`);
    const text = commandHelp(name, command);
    for (const [name, flag] of Object.entries(command.flags))
      expect(text).toMatch(new RegExp(`--${name}\\b.*\\[${variableOf(name, flag)}\\]`));
  }
});

test('a variable that is set for all commands means the same to each that reads it', () => {
  const values = new Map<string, string>();
  for (const [command, { flags }] of Object.entries(COMMANDS))
    for (const [name, flag] of Object.entries(flags)) {
      const { kind, value, choices } = flag;
      const takes = JSON.stringify({ kind, value, choices });
      const variable = variableOf(name, flag);
      expect(values.get(variable) ?? takes, `${variable} in ${command}`).toBe(takes);
      values.set(variable, takes);
    }
});
