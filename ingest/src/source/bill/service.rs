//! FOCUS service categories of the AWS services a data platform pays for.

/// `ServiceCategory` by `lineItem/ProductCode`; what is not listed is `Other`.
///
/// Words after FOCUS 1.2, "Service Category". One product has one category: volumes and
/// network addresses billed under `AmazonEC2` are `Compute` with it, and are told apart
/// by usage type where that matters.
pub(super) fn category(product_code: &str) -> &'static str {
    match product_code {
        "AmazonEC2"
        | "AmazonECR"
        | "AmazonECS"
        | "AmazonEKS"
        | "AmazonLightsail"
        | "AWSAppRunner"
        | "AWSBatch"
        | "AWSFargate"
        | "AWSLambda"
        | "ComputeSavingsPlans"
        | "ElasticBeanstalk" => "Compute",
        "AmazonEFS"
        | "AmazonFSx"
        | "AmazonGlacier"
        | "AmazonS3"
        | "AmazonS3GlacierDeepArchive"
        | "AWSBackup"
        | "AWSDataSync"
        | "AWSStorageGateway" => "Storage",
        "AmazonDAX"
        | "AmazonDocDB"
        | "AmazonDynamoDB"
        | "AmazonElastiCache"
        | "AmazonMemoryDB"
        | "AmazonNeptune"
        | "AmazonRDS"
        | "AmazonSimpleDB"
        | "AmazonTimestream"
        | "DatabaseSavingsPlans" => "Databases",
        "AmazonAthena"
        | "AmazonDataZone"
        | "AmazonES"
        | "AmazonFinSpace"
        | "AmazonKinesis"
        | "AmazonKinesisAnalytics"
        | "AmazonKinesisFirehose"
        | "AmazonMSK"
        | "AmazonQuickSight"
        | "AmazonRedshift"
        | "AWSCleanRooms"
        | "AWSDataExchange"
        | "AWSGlue"
        | "AWSLakeFormation"
        | "datapipeline"
        | "ElasticMapReduce" => "Analytics",
        "AmazonBedrock"
        | "AmazonComprehend"
        | "AmazonRekognition"
        | "AmazonSageMaker"
        | "AmazonTextract"
        | "MachineLearningSavingsPlans" => "AI and Machine Learning",
        "AmazonApiGateway" | "AmazonMQ" | "AmazonMWAA" | "AmazonSNS" | "AmazonStates" | "AWSAppSync"
        | "AWSEvents" | "AWSQueueService" => "Integration",
        "AmazonCloudFront"
        | "AmazonRoute53"
        | "AmazonVPC"
        | "AWSDataTransfer"
        | "AWSDirectConnect"
        | "AWSELB"
        | "AWSGlobalAccelerator"
        | "AWSNetworkFirewall"
        | "AWSTransitGateway" => "Networking",
        "AmazonCloudWatch" | "AmazonGrafana" | "AmazonPrometheus" | "AWSCloudFormation" | "AWSCloudTrail"
        | "AWSConfig" | "AWSSystemsManager" | "AWSXRay" => "Management and Governance",
        "AmazonDetective"
        | "AmazonGuardDuty"
        | "AmazonInspector"
        | "AmazonInspectorV2"
        | "AmazonMacie"
        | "AWSCertificateManager"
        | "AWSSecretsManager"
        | "AWSSecurityHub"
        | "awskms"
        | "awswaf" => "Security",
        "AmazonCognito" | "AWSDirectoryService" => "Identity",
        "AWSCodeArtifact" | "AWSCodeCommit" | "AWSCodePipeline" | "CodeBuild" => "Developer Tools",
        "AWSDatabaseMigrationSvc" => "Migration",
        _ => "Other",
    }
}
