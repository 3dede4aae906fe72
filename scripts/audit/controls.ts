/**
 * Ids of the controls that touch our kinds of resource, by set: cdk-nag's AwsSolutions pack, Checkov, and AWS Foundational
 * Security Best Practices. What each asks is said by its rule (`rules/`) or in `not-applicable.ts`.
 */
const ids = {
  "cdk-nag": `
    AwsSolutions-AEC1 AwsSolutions-AEC3 AwsSolutions-AEC4 AwsSolutions-AEC5 AwsSolutions-AEC6
    AwsSolutions-APIG1 AwsSolutions-APIG2 AwsSolutions-APIG3 AwsSolutions-APIG4 AwsSolutions-APIG6
    AwsSolutions-CFR1 AwsSolutions-CFR2 AwsSolutions-CFR3 AwsSolutions-CFR4 AwsSolutions-CFR5
    AwsSolutions-CFR6 AwsSolutions-CFR7 AwsSolutions-COG1 AwsSolutions-COG2 AwsSolutions-COG4
    AwsSolutions-COG7 AwsSolutions-COG8 AwsSolutions-EC23 AwsSolutions-EC26 AwsSolutions-EC27
    AwsSolutions-EC28 AwsSolutions-EC29 AwsSolutions-IAM4 AwsSolutions-IAM5 AwsSolutions-KMS5 AwsSolutions-L1
    AwsSolutions-RDS2 AwsSolutions-RDS3 AwsSolutions-RDS6 AwsSolutions-RDS8 AwsSolutions-RDS10
    AwsSolutions-RDS11 AwsSolutions-RDS13 AwsSolutions-RDS14 AwsSolutions-RDS16 AwsSolutions-S1
    AwsSolutions-S2 AwsSolutions-S5 AwsSolutions-S10 AwsSolutions-SMG4 AwsSolutions-SNS3 AwsSolutions-SQS2
    AwsSolutions-SQS3 AwsSolutions-SQS4 AwsSolutions-VPC3 AwsSolutions-VPC7
  `,
  checkov: `
    CKV2_AWS_5 CKV2_AWS_6 CKV2_AWS_7 CKV2_AWS_8 CKV2_AWS_11 CKV2_AWS_12 CKV2_AWS_27 CKV2_AWS_32 CKV2_AWS_40
    CKV2_AWS_41 CKV2_AWS_42 CKV2_AWS_46 CKV2_AWS_47 CKV2_AWS_50 CKV2_AWS_51 CKV2_AWS_54 CKV2_AWS_57
    CKV2_AWS_61 CKV2_AWS_62 CKV2_AWS_64 CKV2_AWS_72 CKV2_AWS_73 CKV_AWS_7 CKV_AWS_8 CKV_AWS_17 CKV_AWS_18
    CKV_AWS_19 CKV_AWS_20 CKV_AWS_21 CKV_AWS_23 CKV_AWS_24 CKV_AWS_25 CKV_AWS_26 CKV_AWS_27 CKV_AWS_29
    CKV_AWS_30 CKV_AWS_31 CKV_AWS_33 CKV_AWS_34 CKV_AWS_45 CKV_AWS_46 CKV_AWS_50 CKV_AWS_57 CKV_AWS_62
    CKV_AWS_63 CKV_AWS_66 CKV_AWS_68 CKV_AWS_70 CKV_AWS_72 CKV_AWS_76 CKV_AWS_79 CKV_AWS_86 CKV_AWS_88
    CKV_AWS_93 CKV_AWS_96 CKV_AWS_115 CKV_AWS_116 CKV_AWS_117 CKV_AWS_118 CKV_AWS_126 CKV_AWS_133 CKV_AWS_135
    CKV_AWS_139 CKV_AWS_143 CKV_AWS_144 CKV_AWS_145 CKV_AWS_149 CKV_AWS_158 CKV_AWS_162 CKV_AWS_168
    CKV_AWS_169 CKV_AWS_173 CKV_AWS_174 CKV_AWS_191 CKV_AWS_216 CKV_AWS_226 CKV_AWS_227 CKV_AWS_250
    CKV_AWS_259 CKV_AWS_260 CKV_AWS_272 CKV_AWS_275 CKV_AWS_277 CKV_AWS_286 CKV_AWS_287 CKV_AWS_288
    CKV_AWS_289 CKV_AWS_290 CKV_AWS_297 CKV_AWS_301 CKV_AWS_304 CKV_AWS_305 CKV_AWS_309 CKV_AWS_310
    CKV_AWS_313 CKV_AWS_324 CKV_AWS_325 CKV_AWS_326 CKV_AWS_327 CKV_AWS_338 CKV_AWS_353 CKV_AWS_354
    CKV_AWS_355 CKV_AWS_363 CKV_AWS_364 CKV_AWS_365 CKV_AWS_366 CKV_AWS_374 CKV_AWS_382 CKV_AWS_385
    CKV_AWS_387
  `,
  fsbp: `
    APIGateway.1 APIGateway.2 APIGateway.3 APIGateway.4 APIGateway.5 APIGateway.8 APIGateway.9 CloudFront.1
    CloudFront.3 CloudFront.4 CloudFront.5 CloudFront.6 CloudFront.7 CloudFront.8 CloudFront.9 CloudFront.10
    CloudFront.12 CloudFront.13 CloudTrail.1 CloudTrail.2 CloudTrail.3 CloudTrail.4 CloudTrail.5 CloudTrail.6
    CloudTrail.7 Cognito.1 EC2.1 EC2.2 EC2.3 EC2.4 EC2.6 EC2.7 EC2.8 EC2.9 EC2.10 EC2.12 EC2.13 EC2.14 EC2.15
    EC2.16 EC2.17 EC2.18 EC2.19 EC2.20 EC2.21 EC2.22 EC2.23 EC2.24 EC2.25 EC2.28 EC2.51 ElastiCache.1
    ElastiCache.2 ElastiCache.3 ElastiCache.4 ElastiCache.5 ElastiCache.6 ElastiCache.7 IAM.1 IAM.2 IAM.3
    IAM.4 IAM.5 IAM.6 IAM.7 IAM.8 IAM.9 IAM.10 IAM.19 IAM.21 IAM.22 IAM.26 KMS.1 KMS.2 KMS.3 KMS.4 KMS.5
    Lambda.1 Lambda.2 Lambda.3 Lambda.5 RDS.1 RDS.2 RDS.3 RDS.4 RDS.5 RDS.6 RDS.7 RDS.8 RDS.9 RDS.10 RDS.11
    RDS.12 RDS.13 RDS.14 RDS.15 RDS.16 RDS.17 RDS.18 RDS.19 RDS.20 RDS.21 RDS.22 RDS.23 RDS.24 RDS.25 RDS.26
    RDS.27 RDS.34 RDS.35 RDS.36 RDS.37 RDS.38 RDS.39 S3.1 S3.2 S3.3 S3.5 S3.6 S3.7 S3.8 S3.9 S3.10 S3.11 S3.12
    S3.13 S3.14 S3.15 S3.17 S3.19 S3.20 SNS.1 SNS.2 SNS.4 SQS.1 SSM.1 SSM.2 SSM.3 SSM.4 SecretsManager.1
    SecretsManager.2 SecretsManager.3 SecretsManager.4 WAF.1 WAF.2 WAF.3 WAF.4 WAF.6 WAF.7 WAF.8 WAF.10 WAF.11
    WAF.12
  `,
} as const;
export type ControlSet = keyof typeof ids;

export const controlSets = Object.fromEntries(
  Object.entries(ids).map(([set, text]) => [set, text.trim().split(/\s+/)]),
) as Record<ControlSet, string[]>;

export const controlIds: readonly string[] = Object.values(controlSets).flat();
