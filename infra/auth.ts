import { alias, certificateAbroad, ownName, record } from "./dns";
import { createFunction } from "./function";
import { googleClient } from "./google";
import { permanent, settings } from "./stage";

/** Cognito waits five seconds for a trigger. They read their event and the settings, so: outside the VPC, no grants. */
const trigger = { vpc: false, timeoutSeconds: 5 } as const;
const preSignUp = createFunction("AuthPreSignUp", {
  ...trigger,
  grants: [],
  handler: "auth/pre-sign-up.handler",
  description: "Lets into the pool whom an administrator made, and members of the Workspace",
});
const preTokenGeneration = createFunction("AuthPreTokenGeneration", {
  ...trigger,
  grants: [],
  handler: "auth/pre-token-generation.handler",
  description: "Asks at each sign-in and refresh whether a Google account is of the Workspace",
});

export const users = new sst.aws.CognitoUserPool("Users", {
  usernames: ["email"],
  // SST lets this pool alone invoke them (aws:SourceArn).
  triggers: { preSignUp: preSignUp.arn, preTokenGeneration: preTokenGeneration.arn },
  // For the few with a password: Google asks its own people (docs/decisions/0037-sign-in.md).
  mfa: permanent ? "on" : "optional",
  softwareToken: true,
  transform: {
    userPool: (args, options) => {
      // AWS answers more attributes than were asked for, and a second deployment would try to take them away, which a
      // pool does not allow (anomalyco/sst #4478).
      options.ignoreChanges = ["schemas"];
      // Google's `hd`, which says whose Workspace an account is of. Declared from the start: none can be added to a pool
      // whose changes are ignored.
      args.schemas = [
        {
          name: "hd",
          attributeDataType: "String",
          mutable: true,
          stringAttributeConstraints: { minLength: "0", maxLength: "253" },
        },
      ];
      // Mailboxes are shown by address: whoever changes theirs proves the new one first.
      args.userAttributeUpdateSettings = { attributesRequireVerificationBeforeUpdates: ["email"] };
      // People come from Workspace or are invited; nobody signs up alone.
      args.adminCreateUserConfig = { allowAdminCreateUserOnly: true };
      args.deletionProtection = permanent ? "ACTIVE" : "INACTIVE";
      args.accountRecoverySetting = { recoveryMechanisms: [{ name: "verified_email", priority: 1 }] };
      args.passwordPolicy = {
        minimumLength: 14,
        requireLowercase: true,
        requireUppercase: true,
        requireNumbers: true,
        requireSymbols: true,
        temporaryPasswordValidityDays: 3,
      };
    },
  },
});

/**
 * Google as plain OpenID Connect: Cognito's own Google provider maps no `hd`, and without it an address is no proof. Not
 * named "Google", which is that provider's name.
 */
const workspace = googleClient
  ? new aws.cognito.IdentityProvider("Workspace", {
      userPoolId: users.id,
      providerName: "Workspace",
      providerType: "OIDC",
      providerDetails: {
        client_id: googleClient.clientId,
        client_secret: googleClient.clientSecret,
        oidc_issuer: "https://accounts.google.com",
        authorize_scopes: "openid email profile",
        attributes_request_method: "GET",
      },
      attributeMapping: {
        username: "sub",
        email: "email",
        email_verified: "email_verified",
        name: "name",
        "custom:hd": "hd",
      },
    })
  : undefined;

export const webClient = users.addClient("Web", {
  callbackUrls: settings.callbackUrls,
  providers: ["COGNITO", ...(workspace ? [workspace.providerName] : [])],
  transform: {
    client: (args) => {
      // Code with PKCE: no secret in a browser, and no token in an address bar.
      args.allowedOauthFlows = ["code"];
      args.allowedOauthScopes = ["openid", "email", "profile"];
      args.logoutUrls = settings.logoutUrls;
      args.generateSecret = false;
      args.preventUserExistenceErrors = "ENABLED";
      args.enableTokenRevocation = true;
      args.explicitAuthFlows = [
        "ALLOW_REFRESH_TOKEN_AUTH",
        "ALLOW_USER_SRP_AUTH",
        // For `npm run token` and the smoke test; needs AWS credentials besides the password.
        ...(permanent ? [] : ["ALLOW_ADMIN_USER_PASSWORD_AUTH"]),
      ];
      args.accessTokenValidity = 60;
      args.idTokenValidity = 60;
      args.refreshTokenValidity = 30;
      args.tokenValidityUnits = { accessToken: "minutes", idToken: "minutes", refreshToken: "days" };
    },
  },
});

const descriptions = {
  admin: "Sees and changes everything",
  recruiter: "Reads and answers the mailboxes they are members of",
  viewer: "Reads the mailboxes they are members of",
};
for (const [precedence, [name, description]] of Object.entries(descriptions).entries())
  new aws.cognito.UserGroup(`Group${name.charAt(0).toUpperCase()}${name.slice(1)}`, {
    userPoolId: users.id,
    name,
    description,
    precedence,
  });

/** The hosted pages: `auth.` of our domain, else Cognito's own name. SST 3.19.3 has no argument for either. */
function hostedPages() {
  const name = ownName("auth");
  if (name === undefined || settings.domain === undefined) {
    const prefix = `${$app.name}-${$app.stage}`;
    new aws.cognito.UserPoolDomain("UsersDomain", { userPoolId: users.id, domain: prefix });
    return `https://${prefix}.auth.${settings.homeRegion}.amazoncognito.com`;
  }
  // Cognito wants its parent to have an address, whatever it is. The Workspace domain has one: the company's site.
  const parent =
    settings.domain === settings.workspaceDomain
      ? []
      : record("DomainAddress", settings.domain, {
          name: settings.domain,
          type: "A",
          values: ["192.0.2.1"],
        });
  const pages = new aws.cognito.UserPoolDomain(
    "UsersDomain",
    { userPoolId: users.id, domain: name, certificateArn: certificateAbroad("Auth", name) },
    { dependsOn: parent },
  );
  alias("Auth", name, pages.cloudfrontDistribution, pages.cloudfrontDistributionZoneId);
  return `https://${name}`;
}
const hostedUrl = hostedPages();

export const issuer = $interpolate`https://cognito-idp.${settings.homeRegion}.amazonaws.com/${users.id}`;

export const auth = new sst.Linkable("Auth", {
  properties: {
    userPoolId: users.id,
    clientId: webClient.id,
    issuer,
    region: settings.homeRegion,
    hostedUrl,
  },
});
