const PSEUDO = /^(.*)::-p-(text|xpath|aria)\((.*)\)$/s;

/** A selector in Puppeteer's notation as the embedded driver takes it; CSS and the driver's own forms stay. */
export function driverSelector(selector: string): string {
  if (typeof selector !== 'string') return selector;
  const slash = /^(xpath|text|aria|pierce)\/(.*)$/s.exec(selector);
  if (slash) return byKind(slash[1], slash[2]);
  const pseudo = PSEUDO.exec(selector);
  if (pseudo) {
    const [, before, kind, argument] = pseudo;
    const inner = byKind(kind, unquoted(argument));
    return before.trim() === '' ? inner : `${driverSelector(before.trim())} >> ${inner}`;
  }
  return selector.replaceAll(/\s*>>>>?\s*/g, ' ');
}

function byKind(kind: string, argument: string): string {
  switch (kind) {
    case 'xpath':
      return `xpath=${argument}`;
    case 'text':
      return `text=${argument}`;
    case 'aria':
      return byAccessibleName(argument);
    default:
      return argument;
  }
}

/** `Name`, `Name[role="button"]` or `[role="button"]`. */
function byAccessibleName(argument: string): string {
  const role = /\[role=["']?([\w-]+)["']?\]/.exec(argument)?.[1];
  const name = argument.replaceAll(/\[[^\]]*\]/g, '').trim() ||
    /\[name=["']?([^"'\]]+)["']?\]/.exec(argument)?.[1];
  const quoted = JSON.stringify(name ?? '');
  if (role) return name ? `role=${role}[name=${quoted}]` : `role=${role}`;
  return `css=:is([aria-label=${quoted}], [alt=${quoted}], [title=${quoted}], button:text-is(${quoted}), a:text-is(${quoted}))`;
}

const unquoted = (text: string): string => text.replace(/^(["'])(.*)\1$/s, '$2');
