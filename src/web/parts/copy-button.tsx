import { useSignal } from '@preact/signals';
import { t } from '../messages/index.ts';

export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/** Copies `text()` (evaluated at the click) and says so, or says that it could not. */
export function CopyButton(props: {
  readonly text: () => string;
  readonly label?: string;
  readonly class?: string;
  readonly id?: string;
}) {
  const said = useSignal<'none' | 'copied' | 'failed'>('none');
  const click = async (): Promise<void> => {
    said.value = (await copyText(props.text())) ? 'copied' : 'failed';
    setTimeout(() => {
      said.value = 'none';
    }, 2500);
  };
  return (
    <span class="copy">
      <button type="button" class={props.class ?? 'quiet'} id={props.id} onClick={click}>
        {props.label ?? t('common.copy')}
      </button>
      <span class="said" aria-live="polite">
        {said.value === 'copied' ? `✓ ${t('common.copied')}` : said.value === 'failed' ? t('common.copyFailed') : ''}
      </span>
    </span>
  );
}
