/** What whoever has typed the command is told otherwise than the table of failures has it for programs. */
import type { FailureCode } from '../../core/errors.ts';

export const SHELL_WHAT: Partial<Readonly<Record<FailureCode, string>>> = {
  USAGE: 'The command line is not right.',
  TOO_STRICT: 'This network is as strict as --fail-on names, or stricter.',
};

export const SHELL_NEXT: Partial<Readonly<Record<FailureCode, string>>> = {
  CODE_UNKNOWN: 'Check the code with the host, and that both use the same --master link.',
  MASTER_UNREACHABLE: 'Check the --master link and try again; an operator sees more with "sallyport check".',
  HOST_KEY_CHANGED:
    'Ask the host, not through the game, whether it has a new key. If it has, join with --new-key, which remembers that one.',
  PASSWORD: 'Ask the host for it, and type it when you are asked, or join with --password-file.',
  RELAY_MODE: 'Agree on --relay: allow fits everything.',
  LOCAL_PORT_BUSY: 'Choose another with --local-port, or 0 for any.',
  GAVE_UP: 'Raise --timeout, turn on UPnP or forward one UDP port on either side.',
  ALREADY_RUNNING:
    'Stop that one ("sallyport ctl stop"), or host under another name with --as; a second folder is --state-dir.',
  NOT_RUNNING:
    'Start it first, or give the --state-dir that it was started with; "sallyport ctl status" lists what runs.',
  STATE_FOLDER: 'Mend that, or give another --state-dir.',
  STORE_DAMAGED:
    'Write it anew with "sallyport master repair", or put a backup in its place with "sallyport master restore".',
  USAGE: 'See "sallyport help".',
};
