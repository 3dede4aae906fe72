/** Errors of Cognito's API, with the words that it uses. */
import { AwsError } from "../cloud/errors.ts";

export const notAuthorized = (message: string) => new AwsError("NotAuthorizedException", message, 400);
export const wrongPassword = () => notAuthorized("Incorrect username or password.");
export const userNotFound = () => new AwsError("UserNotFoundException", "User does not exist.", 400);
export const invalidParameter = (message: string) => new AwsError("InvalidParameterException", message, 400);
export const notFound = (message: string) => new AwsError("ResourceNotFoundException", message, 400);
