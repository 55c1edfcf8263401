// The operations of the API that the page calls, with the SDK's types: input and output, as JSON has them.
import type * as connect from "@aws-sdk/client-connect";
import type { Editable } from "./profile";

/** The SDK reads timestamps into dates; JSON has seconds. */
type Json<T> = T extends Date ? number : T extends object ? { [K in keyof T]: Json<T[K]> } : T;

/** What a profile grants is sent as the console has read it. */
type Restated<T> = Omit<T, keyof Editable> & Partial<Editable>;

export interface Operations {
  AssociateSecurityProfiles: [connect.AssociateSecurityProfilesRequest, object];
  CreateSecurityProfile: [Restated<connect.CreateSecurityProfileRequest>, connect.CreateSecurityProfileResponse];
  DeleteSecurityProfile: [connect.DeleteSecurityProfileRequest, object];
  DescribeUser: [connect.DescribeUserRequest, Json<connect.DescribeUserResponse>];
  DisassociateSecurityProfiles: [connect.DisassociateSecurityProfilesRequest, object];
  ListContactFlowModules: [connect.ListContactFlowModulesRequest, connect.ListContactFlowModulesResponse];
  ListInstances: [connect.ListInstancesRequest, Json<connect.ListInstancesResponse>];
  SearchContactFlowModules: [connect.SearchContactFlowModulesRequest, connect.SearchContactFlowModulesResponse];
  SearchDataTables: [connect.SearchDataTablesRequest, Json<connect.SearchDataTablesResponse>];
  SearchHoursOfOperations: [connect.SearchHoursOfOperationsRequest, Json<connect.SearchHoursOfOperationsResponse>];
  SearchQueues: [connect.SearchQueuesRequest, Json<connect.SearchQueuesResponse>];
  SearchQuickConnects: [connect.SearchQuickConnectsRequest, Json<connect.SearchQuickConnectsResponse>];
  SearchRoutingProfiles: [connect.SearchRoutingProfilesRequest, Json<connect.SearchRoutingProfilesResponse>];
  SearchUserHierarchyGroups: [connect.SearchUserHierarchyGroupsRequest, Json<connect.SearchUserHierarchyGroupsResponse>];
  TagResource: [connect.TagResourceRequest, object];
  UntagResource: [connect.UntagResourceRequest, object];
  UpdateSecurityProfile: [Restated<connect.UpdateSecurityProfileRequest>, object];
  UpdateUserHierarchy: [Omit<connect.UpdateUserHierarchyRequest, "HierarchyGroupId"> & { HierarchyGroupId?: string }, object];
  UpdateUserSecurityProfiles: [connect.UpdateUserSecurityProfilesRequest, object];
}
