export interface ScreenshotOptions {
  encoding?: 'base64' | 'binary';
}

/** Takes a screenshot with Puppeteer's `encoding`. */
export async function encoded(
  { encoding, ...options }: ScreenshotOptions = {},
  take: (options: object) => Promise<{ toString(encoding: string): string }>,
): Promise<unknown> {
  const image = await take(options);
  return encoding === 'base64' ? image.toString('base64') : image;
}
