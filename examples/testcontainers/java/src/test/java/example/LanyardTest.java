package example;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.URI;
import org.junit.jupiter.api.Test;
import org.testcontainers.containers.GenericContainer;
import org.testcontainers.containers.wait.strategy.Wait;
import org.testcontainers.junit.jupiter.Container;
import org.testcontainers.junit.jupiter.Testcontainers;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.connect.ConnectClient;
import software.amazon.awssdk.services.connect.model.DirectoryType;
import software.amazon.awssdk.services.connect.model.InvalidParameterException;

@Testcontainers(disabledWithoutDocker = true)
class LanyardTest {
    @Container
    static final GenericContainer<?> lanyard = new GenericContainer<>("lanyard:latest")
            .withCommand("serve", "--emulator", "--store", "memory")
            .withExposedPorts(4580)
            .waitingFor(Wait.forLogMessage(".*Ready\\..*", 1));

    static ConnectClient client() {
        return ConnectClient.builder()
                .endpointOverride(URI.create("http://" + lanyard.getHost() + ":" + lanyard.getMappedPort(4580)))
                .region(Region.US_EAST_1)
                .credentialsProvider(StaticCredentialsProvider.create(
                        AwsBasicCredentials.create("123456789012", "any"))) // in an emulator, the account
                .build();
    }

    @Test
    void unknownPermissionIsRefused() {
        try (ConnectClient connect = client()) {
            String instance = connect.createInstance(r -> r.identityManagementType(DirectoryType.SAML)
                    .instanceAlias("centre").inboundCallsEnabled(true).outboundCallsEnabled(true)).id();
            String profile = connect.createSecurityProfile(r -> r.instanceId(instance)
                    .securityProfileName("Agents").permissions("BasicAgentAccess")).securityProfileId();
            InvalidParameterException refused = assertThrows(InvalidParameterException.class,
                    () -> connect.updateSecurityProfile(r -> r.instanceId(instance)
                            .securityProfileId(profile).permissions("Users.Veiw")));
            assertTrue(refused.getMessage().contains("Users.Veiw"), refused.getMessage());
        }
    }
}
