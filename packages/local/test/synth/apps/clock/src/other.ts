export const handler = async () => ({ now: Date.now() });
