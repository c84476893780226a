import { t } from '../messages/index.ts';

/** Four words of the path, folded away: two people who doubt compare them by voice. */
export function Words(props: { readonly words: string }) {
  return (
    <details class="words">
      <summary>{t('words.title')}</summary>
      <p>
        <strong class="words-line">{props.words}</strong>
      </p>
      <p class="dim">{t('words.about')}</p>
    </details>
  );
}
