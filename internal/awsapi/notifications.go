package awsapi

import (
	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/awsapi/model"
)

func (s *Server) notificationHandlers() map[string]handler {
	d := documentType[*lanyard.Notification]{Server: s, noun: "Notification",
		empty: func() *lanyard.Notification { return new(lanyard.Notification) },
		show: func(_ *lanyard.Instance, r *lanyard.Notification) (map[string]any, error) {
			return map[string]any{"CreatedAt": stamp(r.Created)}, nil
		}}
	return map[string]handler{
		"CreateNotification":        createsDocument[model.CreateNotificationResponse](d),
		"DescribeNotification":      describesDocument[model.DescribeNotificationResponse](d),
		"ListNotifications":         listsDocuments[model.ListNotificationsResponse](d),
		"SearchNotifications":       searchesDocuments[model.SearchNotificationsResponse](d),
		"UpdateNotificationContent": updates(d),
		"DeleteNotification":        deletes(d),
	}
}
