/** What the system says of files, in sentences: `ENOENT: no such file or directory, open` means nothing to a person. */
import { type Sentence, t } from './words/index.ts';

const FILE_FAULTS: Readonly<Record<string, Sentence>> = {
  ENOENT: 'There is no file {file}.',
  EACCES: 'The file {file} may not be read by this user.',
  EPERM: 'The file {file} may not be used by this user.',
  EISDIR: '{file} is a folder, where a file is meant.',
  ENOTDIR: '{file} is no folder.',
};

/** Why a file can't be used; the system's own words where they are none of the usual ones. */
export function fileFault(error: unknown, file: string): string {
  const { code = '', message } = error as NodeJS.ErrnoException;
  const sentence = FILE_FAULTS[code];
  return sentence === undefined
    ? t("The file {file} can't be read: {why}.", { file, why: message })
    : t(sentence, { file });
}

export function isFileFault(code: string): boolean {
  return Object.hasOwn(FILE_FAULTS, code);
}
