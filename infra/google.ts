/**
 * Google: sign-in of the Workspace's people, their calendars and Meet. Off without the `google` setting, and then no
 * credential, no secret and no plugin of Google's is asked for. What Google has no API for is in docs/google.md.
 */
import { ownsRuleSet, perStage, settings } from "./stage";

const { google } = settings;

/**
 * Google Cloud's resources by their type tokens: Pulumi fetches the plugin when there is one to make. Its SDK as a
 * provider of the app would be installed by everybody, for two types (docs/decisions/0038-google-without-its-sdk.md).
 */
class GoogleResource extends $util.CustomResource {
  constructor(type: string, name: string, properties: $util.Inputs, options?: $util.CustomResourceOptions) {
    super(type, name, properties, { ...options, version: "9.37.0" });
  }
}

function enableApis(project: string, organization: string | undefined) {
  const made =
    organization !== undefined && ownsRuleSet
      ? new GoogleResource(
          "gcp:organizations/project:Project",
          "GoogleProject",
          {
            projectId: project,
            name: project,
            orgId: organization,
            autoCreateNetwork: false,
            deletionPolicy: "PREVENT",
          },
          { retainOnDelete: true },
        )
      : undefined;
  for (const [id, service] of Object.entries({
    GoogleCalendarApi: "calendar-json.googleapis.com",
    GoogleMeetApi: "meet.googleapis.com",
  }))
    new GoogleResource(
      "gcp:projects/service:Service",
      id,
      // Stages share the project: what one enabled, none may disable.
      { project, service, disableOnDestroy: false },
      made ? { dependsOn: [made] } : {},
    );
}
if (google?.project !== undefined) enableApis(google.project, google.organization);

function createClient(clientId: string) {
  const clientSecret = new sst.Secret("GoogleClientSecret").value;
  const secret = new aws.secretsmanager.Secret("GoogleClient", {
    name: perStage("frontdesk/google/client"),
    description: "Google's OAuth client: id and secret",
  });
  new aws.secretsmanager.SecretVersion("GoogleClientVersion", {
    secretId: secret.id,
    secretString: $jsonStringify({ clientId, clientSecret }),
  });
  const link = new sst.Linkable("Google", { properties: { clientId, secretArn: secret.arn } });
  return { clientId, clientSecret, secretArn: secret.arn, link };
}
/** The OAuth client, where the settings name one. */
export const googleClient = google?.clientId === undefined ? undefined : createClient(google.clientId);
