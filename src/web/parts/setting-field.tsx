import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import type { LocalAnswer, SettingsChange } from '../../app/local-api.ts';
import { answerText, saveSettings } from '../local.ts';
import { t } from '../messages/index.ts';

type TextControl = HTMLInputElement | HTMLTextAreaElement;

/**
 * A setting that is a text, saved when the field loses focus or Enter is pressed. What is typed stays until it is saved, whatever else
 * changes on the page meanwhile; where it is refused it stays too, with the reason beside it, and its form is not sent.
 */
export function SettingField(props: {
  readonly id: string;
  readonly label: string;
  readonly value: string;
  /** Why this text is no good; null = it is. */
  readonly check?: (text: string) => string | null;
  readonly change: (text: string) => SettingsChange;
  /** What to say where the program refuses it, instead of its own words. */
  readonly refusal?: string;
  readonly onAnswer?: (answer: LocalAnswer) => void;
  readonly rows?: number;
  readonly class?: string;
  readonly numeric?: boolean;
  readonly maxLength?: number;
  readonly disabled?: boolean;
  readonly placeholder?: string;
}) {
  const typed = useSignal<string | null>(null);
  const error = useSignal<string | null>(null);
  const control = useRef<TextControl>(null);
  const refuse = (why: string | null): void => {
    error.value = why;
    control.current?.setCustomValidity(why ?? '');
  };
  const type = (text: string): void => {
    typed.value = text;
    if (error.value !== null && props.check !== undefined) refuse(props.check(text));
  };
  const commit = async (text: string): Promise<void> => {
    const bad = props.check?.(text) ?? null;
    refuse(bad);
    if (bad !== null) return;
    const answer = await saveSettings(props.change(text));
    props.onAnswer?.(answer);
    if (typed.value !== text) return;
    const said = answer.ok ? null : answerText(answer);
    // What is wrong with the value is known better here; what is wrong elsewhere is not.
    refuse(!answer.ok && answer.error.code === 'BODY' ? (props.refusal ?? said) : said);
    if (answer.ok) typed.value = null;
  };
  const common = {
    id: props.id,
    class: props.class ?? '',
    value: typed.value ?? props.value,
    disabled: props.disabled ?? false,
    placeholder: props.placeholder ?? '',
    spellcheck: false,
    autocomplete: 'off',
    'aria-invalid': error.value !== null,
    'aria-describedby': `${props.id}-error`,
    onInput: (event: Event) => type((event.currentTarget as TextControl).value),
    onChange: (event: Event) => void commit((event.currentTarget as TextControl).value),
    ...(props.maxLength === undefined ? {} : { maxLength: props.maxLength }),
  } as const;
  return (
    <>
      <label for={props.id}>
        {props.label}
        {props.rows === undefined ? (
          <input
            {...common}
            ref={control as { current: HTMLInputElement | null }}
            inputMode={props.numeric ? 'numeric' : 'text'}
          />
        ) : (
          <textarea {...common} ref={control as { current: HTMLTextAreaElement | null }} rows={props.rows} />
        )}
      </label>
      <p class="error" role="alert" id={`${props.id}-error`}>
        {error.value}
      </p>
    </>
  );
}

/** A setting that is a whole number from `min` to `max`; `refusal` is said of anything else. */
export function NumberField(props: {
  readonly id: string;
  readonly label: string;
  readonly value: number;
  readonly min: number;
  readonly max: number;
  readonly refusal: string;
  readonly change: (number: number) => SettingsChange;
  readonly onAnswer?: (answer: LocalAnswer) => void;
  readonly disabled?: boolean;
}) {
  const { id, label, value, min, max, refusal, change, ...rest } = props;
  const check = (text: string): string | null => {
    const number = Number(text);
    return text.trim() !== '' && Number.isInteger(number) && number >= min && number <= max ? null : refusal;
  };
  return (
    <SettingField
      {...rest}
      {...{ id, label, check }}
      class="short"
      numeric
      value={String(value)}
      change={(text) => change(Number(text))}
    />
  );
}

/** Places of a server, wherever they are asked for. */
export function PlayersField(props: Pick<Parameters<typeof NumberField>[0], 'id' | 'label' | 'value' | 'onAnswer'>) {
  return (
    <NumberField
      {...props}
      {...{ min: 1, max: 64, refusal: t('set.bad.players') }}
      change={(playersMax) => ({ playersMax })}
    />
  );
}
