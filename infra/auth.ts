import { permanent, settings } from "./stage";

export const users = new sst.aws.CognitoUserPool("Users", {
  usernames: ["email"],
  transform: {
    userPool: (args, options) => {
      // AWS answers more attributes than were asked for, and a second deployment would try to take them away, which a
      // pool does not allow (anomalyco/sst #4478).
      options.ignoreChanges = ["schemas"];
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

export const webClient = users.addClient("Web", {
  callbackUrls: settings.callbackUrls,
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

// SST 3.19.3 has no argument for it.
export const userPoolDomain = new aws.cognito.UserPoolDomain("UsersDomain", {
  userPoolId: users.id,
  domain: `${$app.name}-${$app.stage}`,
});

export const issuer = $interpolate`https://cognito-idp.${settings.homeRegion}.amazonaws.com/${users.id}`;

export const auth = new sst.Linkable("Auth", {
  properties: { userPoolId: users.id, clientId: webClient.id, issuer, region: settings.homeRegion },
});
